"""The id of a checkout. A copy of its folder is another checkout, and gets an id of its own."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

from reconciler.store import disk
from reconciler.store.team.team_folder import make_team_folder

_MOST = 1024


def checkout_id(root: Path, new: Callable[[], str]) -> str:
    """The id of the checkout at `root`, made at the first call. Call it under the apply lock."""
    folder = make_team_folder(root)
    path = folder / "checkout.json"
    inode = os.stat(folder).st_ino  # a copy of the folder has another
    try:
        known = json.loads(disk.plain_bytes(path, most=_MOST))
        if known["checkout"] == 1 and known["inode"] == inode and isinstance(known["id"], str):
            return known["id"]
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        pass
    made = new()
    disk.write_atomic(path, json.dumps({"checkout": 1, "id": made, "inode": inode}).encode() + b"\n")
    return made
