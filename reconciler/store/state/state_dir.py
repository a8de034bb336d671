"""The state directory: `.reconciler/` below the root of the project, with a `.gitignore` that ignores all of it."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from reconciler.core.errors import ProjectError
from reconciler.store import disk

STATE = ".reconciler"
BATCHES = "batches"
"""The folder in it with the files of open batches; it exists once something was submitted."""
_OURS = (
    "", BATCHES, "journal", "lock", "store", "store/objects", "store/recipes", "store/spool",
)  # fmt: skip
"""Paths that must not be symbolic links, which a commit could contain. (Caches are never used through a link.)"""


def state_dir(root: Path) -> Path:
    """The state directory, which need not exist. ProjectError if a part of it is a symbolic link."""
    state = root / STATE
    top = str(state)
    for name in _OURS:  # three times for each image: a Path of each of them would take a tenth of the run
        try:
            mode = os.lstat(f"{top}/{name}" if name else top).st_mode
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError as error:
            raise disk.named_error("look at", state / name, error) from error
        if stat.S_ISLNK(mode):
            raise ProjectError(
                f"{disk.display_path(state / name)} is a symbolic link",
                hint="nothing is read or written through it: remove the link",
            )
        if not name and not stat.S_ISDIR(mode):
            raise ProjectError(
                f"{disk.display_path(state)} is not a folder",
                hint="reconciler keeps its state in a folder of this name: move it",
            )
    return state


def make_state_dir(root: Path) -> Path:
    """Create the directory and its `.gitignore`, durably, if they are missing."""
    state = state_dir(root)
    disk.make_dirs(state)
    ignore = state / ".gitignore"
    if not ignore.exists():
        disk.write_atomic(ignore, b"*\n")
    return state
