"""Refuse state that git tracks: `.reconciler/` ignores itself, so only a forced add brings it into a commit.

Somebody else's journal, store or index would be believed as our own. Every command that reads the project asks, so the
usual answer costs one look at git's index and no process.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from mmap import ACCESS_READ, mmap
from pathlib import Path

from reconciler.core.errors import ProjectError
from reconciler.store import disk
from reconciler.store.state.state_dir import STATE

_PLAIN_VERSIONS = (b"DIRC\0\0\0\2", b"DIRC\0\0\0\3")
"""Index files in which every path is written out; version 4 leaves out what a path shares with the one before."""
_SPLIT = b"link"
"""The extension of an index whose other half is in another file."""
_STATE = re.compile(re.escape(f"{STATE}/".encode()), re.IGNORECASE)
"""A file system that ignores case reads `.Reconciler/`, too."""
_POINTER = b"gitdir: "
_LONGEST = 4096


def refuse_tracked_state(root: Path, tracked: Callable[[], tuple[str, ...]]) -> None:
    """ProjectError if git tracks anything of the state directory, or refuses to tell. `tracked` asks git for those
    paths."""
    index = _git_index(root)
    if index is None or not _may_hold_state(index):
        return
    found = tracked()
    if found:
        name = found[0].partition("/")[0]
        more = f" and {len(found) - 1} more" if len(found) > 1 else ""
        raise ProjectError(
            f"git tracks {found[0]}{more}: the state of another checkout, which is not used",
            hint=f"`git rm -r --cached {name}` takes it out of git, `rm -r {name}` off the disk; the images stay",
        )


def _git_index(root: Path) -> Path | None:
    """The index of the repository around the project; None outside git."""
    real = Path(os.path.realpath(root))
    for folder in (real, *real.parents):
        found = folder / ".git"
        if found.is_dir():
            return found / "index"
        if found.is_file():  # of a worktree or a submodule
            with disk.open_for_reading(found) as file:
                text = file.read(_LONGEST).strip()
            if text.startswith(_POINTER):
                return folder / os.fsdecode(text.removeprefix(_POINTER)) / "index"
    return None


def _may_hold_state(index: Path) -> bool:
    """Whether the name of the state directory stands in the index, or that cannot be told without git."""
    try:
        with disk.open_for_reading(index) as file, mmap(file.fileno(), 0, access=ACCESS_READ) as data:
            if data[:8] not in _PLAIN_VERSIONS or data.rfind(_SPLIT, max(0, len(data) - _LONGEST)) >= 0:
                return True
            return _STATE.search(data) is not None
    except (OSError, ValueError):  # there is none yet, it is empty, or it is no file
        return False
