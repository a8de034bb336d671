"""`.reconciler/team/`: what a checkout keeps about its team's store."""

from __future__ import annotations

from pathlib import Path

from reconciler.store import disk
from reconciler.store.state.state_dir import make_state_dir, state_dir


def team_folder(root: Path) -> Path:
    """The folder, which need not exist. DiskError if it is a symbolic link, which a commit could contain."""
    folder = state_dir(root) / "team"
    disk.refuse_link(folder)
    return folder


def make_team_folder(root: Path, *parts: str) -> Path:
    """The folder, or one below it, made durably if it is missing."""
    folder = team_folder(root).joinpath(*parts)
    if not folder.is_dir():
        make_state_dir(root)
        disk.make_dirs(folder)
    return folder
