"""Write `assets.lock` atomically, only if it changes, and never over the changes of another program.

The user may check out or merge another branch while an apply runs. So the file is compared, byte by byte, with the one
last read or written here. If it differs, it is read again, and all events of the journal are applied to it. That may be
repeated, since the last event of an asset replaces its entry.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from pathlib import Path

from reconciler.core.digest import AssetId
from reconciler.core.events import Durable, settle
from reconciler.core.lock.lockfile import Lock, LockEntry, dump_answers, dump_entry, join
from reconciler.core.specs.settings import MAX_ASSETS
from reconciler.store import disk
from reconciler.store.documents.project import LOCK_BYTES, LOCK_FILE, lock_bytes, parse_lock


class LockOnDisk:
    """The lockfile of the project at `root`, of at most `most` bytes; `journal` reads all events of the journal.
    A core.ports.LockFile."""

    def __init__(
        self, root: Path, *, journal: Callable[[], Iterable[Durable]], most: int = LOCK_BYTES * MAX_ASSETS
    ) -> None:
        self._most = most
        self.path = root / LOCK_FILE
        self._root = root
        self._journal = journal
        self._mutex = threading.Lock()
        self._lock: Lock | None = None
        self._bytes: bytes | None = None
        self._lines: dict[AssetId, tuple[LockEntry, str]] = {}

    def update(self, events: Iterable[Durable]) -> None:
        """Apply these events, which the journal has already. Durable once this returns.

        An unchanged lockfile is not touched, so that an outer make stops there. LockfileError if another program has
        written an unreadable lockfile: it is left as it is, and the journal keeps the events.
        """
        with self._mutex:
            found = self._read()
            if self._lock is None or found != self._bytes:
                self._write(settle(parse_lock(self._root, found), self._journal()).lock, found)
            else:
                self._write(settle(self._lock, events).lock, found)

    def catch_up(self) -> None:
        """Apply all events of the journal."""
        with self._mutex:
            found = self._read()
            lock = self._lock if found == self._bytes else None
            lock = parse_lock(self._root, found) if lock is None else lock
            self._write(settle(lock, self._journal()).lock, found)

    def _write(self, lock: Lock, found: bytes | None) -> None:
        data = self._text(lock).encode("utf-8")
        if data != found and (found is not None or lock != Lock()):
            disk.write_atomic(self.path, data)
            found = data
        self._lock, self._bytes = lock, found

    def _read(self) -> bytes | None:
        return lock_bytes(self._root, most=self._most)

    def _text(self, lock: Lock) -> str:
        """The lockfile's text. Only entries that are new since the last time are rendered."""
        lines: dict[AssetId, tuple[LockEntry, str]] = {}
        for asset, entry in sorted(lock.entries.items(), key=lambda item: item[0]):
            known = self._lines.get(asset)
            same = known is not None and (known[0] is entry or known[0] == entry)
            lines[asset] = known if known is not None and same else (entry, dump_entry(asset, entry))
        self._lines = lines
        return join((text for _, text in lines.values()), dump_answers(lock), version=lock.version)
