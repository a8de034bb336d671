"""Another core looks at the files while this one does something else: the same answer, whatever the child does."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.needs import needs_proc

SCRIPT = """
import os, signal, sys
from array import array
from reconciler.store.index import snapshot as module
from reconciler.store.index.snapshot import Snapshot, look, look_beside

names = sorted(os.listdir("files")) + ["absent"]
folders = [("files", len(names), True), ("gone", 1, True)]
snapshot = Snapshot({}, folders, [*names, "x"], marks=array("q"), digests=b"", notes=b"", until=0)
snapshot.marks = look(".", snapshot)
done, parent = [], os.getpid()

def slow(root, snapshot):
    return look(root, snapshot) if os.getpid() == parent else signal.pause()

if sys.argv[1] == "killed":
    module.look = slow  # the child is still at it when it dies

def children():
    with open(f"/proc/self/task/{os.getpid()}/children") as file:
        return [int(child) for child in file.read().split()]

def meanwhile():
    done.extend(children())
    match sys.argv[1]:
        case "killed":
            os.kill(done[0], signal.SIGKILL)
        case "raises":
            raise KeyError("ours")

try:
    found = look_beside(".", snapshot, meanwhile, least=int(sys.argv[2]))
    print(found == snapshot.marks, len(done), children())
except KeyError:
    print("raised", len(done), children())
"""


def told(folder: Path, how: str, *, least: int = 1) -> str:
    (folder / "files").mkdir()
    for number in range(50):
        (folder / f"files/{number}").write_text("x" * number)
    command = [sys.executable, "-W", "error", "-c", SCRIPT, how, str(least)]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    return done.stdout.strip()


@needs_proc
@pytest.mark.parametrize(("how", "says"), [("plain", "True"), ("killed", "True"), ("raises", "raised")])
def test_a_child_looks_and_is_gone_afterwards(tmp_path: Path, how: str, says: str) -> None:
    assert told(tmp_path, how) == f"{says} 1 []"


@needs_proc
def test_a_small_project_needs_none(tmp_path: Path) -> None:
    assert told(tmp_path, "plain", least=1000) == "True 0 []"
