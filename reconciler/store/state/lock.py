"""One apply at a time: flock on a file that is never replaced, so that no lock is ever stale."""

from __future__ import annotations

import os
import shlex
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from reconciler.core.errors import ApplyRunning
from reconciler.core.text import printable
from reconciler.store import disk

_POLL = 0.05
_WHO_BYTES = 400


@contextmanager
def exclusive(
    path: Path,
    *,
    wait: float = 0.0,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> Iterator[None]:
    """Hold the lock file `path`; after `wait` seconds raise ApplyRunning with its holder.

    The lock is free at once when its holder dies; processes that the holder started do not keep it.
    """
    disk.make_dirs(path.parent)
    deadline = clock() + wait
    with disk.naming_errors("lock", path):
        while (fd := _hold(path)) is None:
            if clock() >= deadline:
                raise ApplyRunning(
                    f"another apply is running here: {_holder(path)}",
                    hint="wait for it to end, or let this one wait with --wait SECONDS",
                )
            sleep(_POLL)
    try:
        with disk.naming_errors("write", path):
            os.ftruncate(fd, 0)
            disk.write_all(fd, _myself())
        yield
    finally:
        # no error here may hide one of the body: the text is for people, and the close releases the lock
        with suppress(OSError):
            os.ftruncate(fd, 0)  # the next holder has the lock before it has written its text
        with suppress(OSError):
            disk.unflock(fd)
        disk.close_quietly(fd)


def holder(path: Path) -> str | None:
    """The holder of the lock file `path`; None if it is free. Creates nothing.

    A holder that is not killed erases its text. Only if there is a text is the lock itself tried, for a moment in which
    an apply that starts would find it taken.
    """
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return None
    try:
        text = os.read(fd, _WHO_BYTES).decode("utf-8", "replace")
        return printable(text) if text and not disk.try_flock(fd) else None
    except OSError:
        return None
    finally:
        os.close(fd)


def _hold(path: Path) -> int | None:
    """The descriptor that holds the lock, or None if another process holds it."""
    while True:
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK, 0o666)
        try:
            mine = disk.try_flock(fd)
        except BaseException:
            disk.close_quietly(fd)
            raise
        if mine and _is_still(path, fd):
            return fd
        os.close(fd)
        if not mine:
            return None


def _is_still(path: Path, fd: int) -> bool:
    """False if the file was deleted between our open and our lock: that lock would protect nothing."""
    try:
        now = os.stat(path, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return os.path.samestat(now, os.fstat(fd))


def _myself() -> bytes:
    command = shlex.join([os.path.basename(sys.argv[0]), *sys.argv[1:]])
    return f"process {os.getpid()}, since {datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}: {command}".encode(
        "utf-8", "backslashreplace"
    )


def _holder(path: Path) -> str:
    with disk.open_for_reading(path) as stream:
        text = stream.read(_WHO_BYTES).decode("utf-8", "replace")
    return printable(text) or "its process is not known yet"
