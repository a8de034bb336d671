"""Where our own state lives: `.reconciler/` below the project's root, which ignores itself in git."""

from __future__ import annotations

import stat
from pathlib import Path

from reconciler.core.errors import ProjectError
from reconciler.store import disk

STATE = ".reconciler"
_OURS = ("", "journal", "lock", "store", "store/objects", "store/recipes", "store/spool")
"""What may not be a symbolic link: somebody could commit one. (The caches are never read or written through one.)"""


def state_dir(root: Path) -> Path:
    """The directory of our state, which need not exist. ProjectError if something of it leads elsewhere."""
    state = root / STATE
    for name in _OURS:
        path = state / name
        with disk.naming_errors("look at", path):
            try:
                mode = path.lstat().st_mode
            except (FileNotFoundError, NotADirectoryError):
                continue
        if stat.S_ISLNK(mode):
            raise ProjectError(
                f"{disk.display_path(path)} is a symbolic link",
                hint="nothing is read or written through it: remove the link",
            )
        if not name and not stat.S_ISDIR(mode):
            raise ProjectError(
                f"{disk.display_path(path)} is not a folder",
                hint="reconciler keeps its state in a folder of this name: move it",
            )
    return state


def make_state_dir(root: Path) -> Path:
    """Create it and its `.gitignore`, durably, where they are missing."""
    state = state_dir(root)
    disk.make_dirs(state)
    ignore = state / ".gitignore"
    if not ignore.exists():
        disk.write_atomic(ignore, b"*\n")
    return state
