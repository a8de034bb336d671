"""Read the marks in a picture on the disk: it is mapped, and only its metadata are read."""

from __future__ import annotations

import mmap
from pathlib import Path

from reconciler.core.provenance.marks import FoundMarks, find_marks
from reconciler.store import disk


def marks_of_file(path: Path) -> FoundMarks:
    """The marks in a plain file. DiskError for any other kind of file, FileNotFoundError if there is none."""
    with disk.open_plain(path) as file:
        try:
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data, memoryview(data) as view:
                return find_marks(view)
        except ValueError:  # an empty file cannot be mapped
            return FoundMarks("", problem="empty")
