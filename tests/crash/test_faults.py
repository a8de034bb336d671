"""The preload shim: the right call fails, below the right folder, as often as asked."""

from __future__ import annotations

import errno
import os
import sys
from pathlib import Path

import pytest

from tests.crash import native
from tests.crash.native import Fault, Faulted, Keep

pytestmark = pytest.mark.usefixtures("shim")

SAVE = """
import os
os.mkdir('d')
fd = os.open('d/f.tmp', os.O_WRONLY | os.O_CREAT)
os.write(fd, b'0123456789')
os.pwrite(fd, b'ab', 0)
os.writev(fd, [b'cd', b'ef'])
os.fsync(fd)
os.ftruncate(fd, 12)
os.close(fd)
os.link('d/f.tmp', 'd/g')
os.rename('d/f.tmp', 'd/f')
os.unlink('d/g')
fd = os.open('d', os.O_RDONLY)
os.fsync(fd)
os.close(fd)
"""


def disturb(root: Path, fault: Fault, script: str = SAVE) -> Faulted:
    root.mkdir()
    command = [sys.executable, "-I", "-S", "-c", script]
    env = {"PATH": os.environ["PATH"]}
    return native.disturb(fault, lambda told: native.execute(command, env={**env, **told}, cwd=root), paths=[root])


@pytest.mark.parametrize(
    ("error", "calls"),
    [
        ("EIO", "mkdir open write pwrite writev fsync ftruncate close link rename unlink open fsync close"),
        ("ENOSPC", "mkdir open write pwrite writev fsync close link rename fsync close"),
        ("EACCES", "mkdir open link rename unlink open"),
        ("EMFILE", "open open"),
    ],
)
def test_every_call_that_can_fail_so_does_in_turn(tmp_path: Path, error: str, calls: str) -> None:
    expected = calls.split(" ")
    assert disturb(tmp_path / "count", Fault(error)).seen == len(expected)
    for at, name in enumerate(expected, start=1):
        faulted = disturb(tmp_path / str(at), Fault(error, at))
        assert (faulted.injected, faulted.first.split(" ")[0]) == (1, name)
        assert f"[Errno {getattr(errno, error)}]" in faulted.ran.stderr


def test_sticky_stays_and_once_does_not(tmp_path: Path) -> None:
    script = """
import os
for n in range(5):
    try: os.mkdir(str(n))
    except OSError: pass
"""
    once, sticky = (disturb(tmp_path / keep.name, Fault("EROFS", 2, keep), script) for keep in (Keep.ONCE, Keep.STICKY))
    assert (once.seen, once.injected, sticky.seen, sticky.injected) == (5, 1, 5, 4)
    assert sorted(path.name for path in (tmp_path / "ONCE").iterdir()) == ["0", "2", "3", "4"]
    assert sorted(path.name for path in (tmp_path / "STICKY").iterdir()) == ["0"]


def test_a_short_write_takes_half_and_says_so(tmp_path: Path) -> None:
    script = "import os; print(os.write(os.open('f', os.O_WRONLY | os.O_CREAT), b'0123456789'))"
    faulted = disturb(tmp_path / "r", Fault("SHORT", 1), script)
    assert (faulted.ran.stdout, (tmp_path / "r/f").read_bytes()) == ("5\n", b"01234")


def test_a_failed_close_has_closed(tmp_path: Path) -> None:
    script = """
import os
fd = os.open('f', os.O_WRONLY | os.O_CREAT)
try: os.close(fd)
except OSError: print(os.path.exists(f'/proc/self/fd/{fd}'))
"""
    assert disturb(tmp_path / "r", Fault("EIO", 1, calls="close"), script).ran.stdout == "False\n"


def test_only_below_the_paths_and_only_the_calls_asked_for(tmp_path: Path) -> None:
    script = f"import os; os.mkdir({str(tmp_path / 'root-not')!r}); os.mkdir('x'); open('x/f', 'w').write('x')"
    faulted = disturb(tmp_path / "root", Fault("EIO", calls="mkdir,write"), script)
    assert (faulted.seen, faulted.injected, faulted.ran.exit) == (2, 0, 0)


def test_threads_and_children_share_one_count(tmp_path: Path) -> None:
    script = """
import os, threading
if not os.fork():
    for n in range(10): os.mkdir(f'c{n}')
    os._exit(0)
threads = [threading.Thread(target=lambda n=n: [os.mkdir(f't{n}-{m}') for m in range(10)]) for n in range(4)]
for thread in threads: thread.start()
for thread in threads: thread.join()
os.wait()
"""
    assert disturb(tmp_path / "r", Fault("ENOSPC"), script).seen == 50
