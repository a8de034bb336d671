"""Files to which several processes append whole lines."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

from reconciler.store import disk


def append_lines(path: Path, data: bytes) -> None:
    """Append whole lines to a file, which is created if need be. Durable once this returns.

    Other processes append one after another. A last line without a line break is cut off: it was never acknowledged.
    """
    flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_NONBLOCK
    with disk.naming_errors("append to", path):
        with disk.opened(path, flags) as fd:
            if not stat.S_ISREG(os.fstat(fd).st_mode):
                raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
            disk.wait_flock(fd)
            size = os.fstat(fd).st_size
            end = _end_of_lines(fd, size)
            if end != size:
                os.ftruncate(fd, end)
            disk.write_all(fd, data)
            disk.sync(fd)
        disk.fsync_dir(path.parent)


def _end_of_lines(fd: int, size: int) -> int:
    """The length of a file without an unfinished last line."""
    end = size
    while end:
        start = max(0, end - disk.DISK_CHUNK)
        found = os.pread(fd, end - start, start).rfind(b"\n")
        if found >= 0:
            return start + found + 1
        end = start
    return 0
