"""Open a file of which nobody knows whether it still is one."""

from __future__ import annotations

import errno
import os
import stat
from io import BufferedReader
from pathlib import Path


def open_regular(path: Path) -> BufferedReader:
    """The file, to read. OSError if it is no regular file: a pipe or a device put in its place is not waited for."""
    file = open(path, "rb", opener=_without_waiting)  # noqa: SIM115 - the caller closes it
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        file.close()
        raise OSError(errno.EINVAL, "not a regular file")
    return file


def _without_waiting(path: str, flags: int) -> int:
    """For `open`: a pipe without a writer is opened at once, and found to be one."""
    return os.open(path, flags | os.O_NONBLOCK)
