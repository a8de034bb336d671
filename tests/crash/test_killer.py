"""The ptrace tool: what it counts, and that the call it kills at never happens."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from tests.crash import native

pytestmark = pytest.mark.usefixtures("killer")
ENV = {"PATH": os.environ["PATH"]}


def python(script: str) -> list[str]:
    return [sys.executable, "-I", "-S", "-c", script]


def count(root: Path, script: str) -> int:
    ran = native.count(python(script), root=root, env=ENV)
    assert ran.exit == 0, ran.stderr
    return ran.count


def names(root: Path) -> set[str]:
    return {path.name for path in root.iterdir()}


def test_the_call_that_is_killed_at_never_happens(tmp_path: Path) -> None:
    for point in range(1, 6):
        root = tmp_path / str(point)
        root.mkdir()
        script = python("import os\nfor n in range(4): os.mkdir(str(n))")
        ran = native.kill_at(point, script, root=root, env=ENV)
        assert names(root) == {str(n) for n in range(min(point - 1, 4))}
        assert ran.exit == (137 if point < 5 else 0)
        assert ran.killed_at == (f"mkdir {root}/{point - 1}" if point < 5 else "")


@pytest.mark.parametrize(
    ("script", "entries"),
    [
        ("import os; os.stat('.'); os.listdir('/'); open('/dev/null', 'w').write('x')", 0),
        ("open('f', 'w').write('x')", 2),
        ("import os; os.rename(os.path.join(os.getcwd(), 'a'), os.path.join(os.getcwd(), 'x/../b'))", 1),
        ("import os; d = os.open('.', 0); os.mkdir('y', dir_fd=d); os.fsync(d)", 3),
        ("import os; r, w = os.pipe(); os.write(w, b'x'); os.read(r, 1); print('out')", 0),
        ("import socket; a, b = socket.socketpair(); a.send(b'x'); b.recv(1)", 0),
        ("import socket; s = socket.socket(); s.connect_ex(('127.0.0.1', 1))", 2),
        ("import fcntl; f = open('f', 'w'); fcntl.flock(f, fcntl.LOCK_EX)", 2),
        ("import threading; [threading.Thread(target=open, args=(str(n), 'w')).start() for n in range(8)]", 8),
        ("import os\nif not os.fork(): os.mkdir('y'); os._exit(0)\nos.wait()", 1),
        ("import subprocess, sys; subprocess.run([sys.executable, '-I', '-S', '-c', 'import os; os.mkdir(\"y\")'])", 1),
    ],
)
def test_counts_what_changes_the_folder_or_goes_out(tmp_path: Path, script: str, entries: int) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "x").mkdir()
    assert count(tmp_path, script) == entries


def test_a_kill_takes_the_children_along(tmp_path: Path) -> None:
    """One that left the session too, and threads that were doing something else."""
    script = """
import os, threading, time
gate, opened = os.pipe()
if not os.fork():
    os.setsid()
    os.write(opened, b'x')
    time.sleep(30)
    os.mkdir('child')
os.read(gate, 1)
threading.Thread(target=lambda: (time.sleep(30), os.mkdir('thread'))).start()
os.mkdir('first')
os.mkdir('second')
"""
    ran = native.kill_at(2, python(script), root=tmp_path, env=ENV)  # waits for every process of the tree
    assert ran.exit == 137
    assert names(tmp_path) == {"first"}


def test_the_command_keeps_its_own_end(tmp_path: Path) -> None:
    assert native.count(python("raise SystemExit(7)"), root=tmp_path, env=ENV).exit == 7
    assert native.count(python("import os; os.kill(os.getpid(), 15)"), root=tmp_path, env=ENV).exit == 143
    said = native.count(python("print('hello')"), root=tmp_path, env=ENV)
    assert (said.stdout, said.stderr) == ("hello\n", "")


def test_a_missing_compiler_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CC", "no-such-compiler")
    with pytest.raises(native.Unavailable, match="compiler"):
        native.killer.__wrapped__()
