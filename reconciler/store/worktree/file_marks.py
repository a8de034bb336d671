"""Read the marks in a picture on the disk: it is mapped, and only its metadata are read."""

from __future__ import annotations

import mmap
import os
from pathlib import Path

from reconciler.core.errors import DiskError
from reconciler.core.provenance.marks import FoundMarks, find_marks
from reconciler.store import disk


def marks_of_file(root: Path, path: Path) -> FoundMarks:
    """The marks in a plain file of the project at `root`. DiskError for any other file, FileNotFoundError if there is
    none."""
    if not Path(os.path.realpath(path.parent)).is_relative_to(os.path.realpath(root)):
        raise DiskError(f"{disk.display_path(path)} is outside the project", hint="a link leads out of it")
    with disk.open_plain(path) as file:
        try:
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data, memoryview(data) as view:
                return find_marks(view)
        except ValueError:  # an empty file cannot be mapped
            return FoundMarks("", problem="empty")
