"""Write `assets.lock`: whole or not at all, and not at all if it would not change."""

from __future__ import annotations

from pathlib import Path

from reconciler.core.lock import Lock, dumps
from reconciler.store import disk
from reconciler.store.project import LOCK_FILE


class LockOnDisk:
    """The lockfile of the project at `root`. Implements core.ports.LockFile."""

    def __init__(self, root: Path) -> None:
        self.path = root / LOCK_FILE

    def save(self, lock: Lock) -> None:
        """Durable and whole once this returns. An unchanged lockfile is not touched, so an outer make stops there."""
        data = dumps(lock).encode("utf-8")
        try:
            if self.path.read_bytes() == data:
                return
        except FileNotFoundError:
            if not lock.entries and not lock.refusals:
                return
        disk.write_atomic(self.path, data)
