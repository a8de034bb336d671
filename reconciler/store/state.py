"""Where our own state lives: `.reconciler/` below the project's root, which ignores itself in git."""

from __future__ import annotations

from pathlib import Path

from reconciler.store import disk

STATE = ".reconciler"


def state_dir(root: Path) -> Path:
    """The directory of our state, which need not exist."""
    return root / STATE


def make_state_dir(root: Path) -> Path:
    """Create it and its `.gitignore`, durably, where they are missing."""
    state = state_dir(root)
    disk.make_dirs(state)
    ignore = state / ".gitignore"
    if not ignore.exists():
        disk.write_atomic(ignore, b"*\n")
    return state
