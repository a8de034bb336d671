from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

import pytest

from reconciler.core.errors import ApplyRunning, Exit
from reconciler.store import disk
from reconciler.store.state.lock import exclusive

HOLD = """
import subprocess, sys
from pathlib import Path
from reconciler.store.state.lock import exclusive
with exclusive(Path(sys.argv[1])):
    child = subprocess.Popen(["sleep", "60"], stdout=subprocess.DEVNULL, close_fds=False)
    print(child.pid, flush=True)
    sys.stdin.read()
"""


@contextmanager
def another_holder(path: Path) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """A process that holds the lock, and the pid of a program that it started."""
    command = [sys.executable, "-c", HOLD, str(path), "--yes\n"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        child = int(process.stdout.readline())
        try:
            yield process, child
        finally:
            os.kill(child, signal.SIGKILL)
            process.kill()


def never(_: float) -> None:
    raise AssertionError("it waits")


def test_the_loser_says_who_holds_it_and_a_killed_holder_frees_it_at_once(tmp_path: Path) -> None:
    path = tmp_path / "state" / "lock"
    with another_holder(path) as (process, child):
        with pytest.raises(ApplyRunning) as caught, exclusive(path, sleep=never):
            pytest.fail("two holders")
        assert f"process {process.pid}, since 20" in caught.value.fact
        assert r"--yes\n" in caught.value.fact
        assert "--wait" in caught.value.hint
        assert caught.value.exit_code is Exit.RUNNING

        process.kill()
        process.wait()
        os.kill(child, 0)  # what the holder started still runs, and does not keep the lock
        with exclusive(path, sleep=never):
            pass


def test_the_loser_waits_as_long_as_it_was_told(tmp_path: Path) -> None:
    now = 0.0

    def sleep(seconds: float) -> None:
        nonlocal now
        now += seconds

    path = tmp_path / "lock"
    with exclusive(path), pytest.raises(ApplyRunning), exclusive(path, wait=2, sleep=sleep, clock=lambda: now):
        pytest.fail("two holders")
    assert 2 <= now < 2.2


def test_who_waits_gets_it_when_it_is_free(tmp_path: Path) -> None:
    with another_holder(tmp_path / "lock") as (process, _):

        def sleep(_: float) -> None:
            process.kill()
            process.wait()

        with exclusive(tmp_path / "lock", wait=60, sleep=sleep):
            assert process.returncode is not None


def test_an_error_inside_frees_it_and_the_file_stays(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    path.touch()
    inode = path.stat().st_ino
    with pytest.raises(ZeroDivisionError), exclusive(path):
        raise ZeroDivisionError
    with exclusive(path, sleep=never):
        assert path.stat().st_ino == inode
    assert path.read_bytes() == b""


def test_a_lock_on_a_file_that_was_deleted_meanwhile_does_not_count(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    real, deletions = disk.try_flock, [path.unlink]

    def try_flock(fd: int) -> bool:
        if deletions:
            deletions.pop()()
        return real(fd)

    deleting = mock.patch.object(disk, "try_flock", try_flock)
    with deleting, exclusive(path, sleep=never), pytest.raises(ApplyRunning), exclusive(path):
        pytest.fail("two holders")
