"""Write `assets.lock` atomically, only if it changes, and never over the changes of another program.

The user may check out or merge another branch while an apply runs. So the file is compared, by its digest, with the one
last read or written here. If it differs, it is read again, and all events of the journal are applied to it. That may be
repeated, since the last event of an asset replaces its entry.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterable
from pathlib import Path

from reconciler.core.digest import AssetId
from reconciler.core.events import Durable, settle
from reconciler.core.lock.lockfile import Lock, LockEntry, dump_answers, dump_entry, dumps, join
from reconciler.core.lock.parts import HEADER, part_texts
from reconciler.core.specs.settings import MAX_ASSETS
from reconciler.store import disk
from reconciler.store.documents.lock_parts import packed_parts, part_files, unpacked_parts, write_parts
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
        self._digest = _digest(None)
        self._lines: dict[AssetId, tuple[LockEntry, str]] = {}

    def update(self, events: Iterable[Durable]) -> None:
        """Apply these events, which the journal has already. Durable once this returns.

        An unchanged lockfile is not touched, so that an outer make stops there. LockfileError if another program has
        written an unreadable lockfile: it is left as it is, and the journal keeps the events.
        """
        with self._mutex:
            found = self._read()
            if self._lock is None or _digest(found) != self._digest:
                self._write(settle(parse_lock(self._root, found), self._journal()).lock, found)
            else:
                self._write(settle(self._lock, events).lock, found)

    def catch_up(self) -> None:
        """Apply all events of the journal."""
        with self._mutex:
            found = self._read()
            lock = self._lock if _digest(found) == self._digest else None
            lock = parse_lock(self._root, found) if lock is None else lock
            self._write(settle(lock, self._journal()).lock, found)

    def replace_with(self, lock: Lock) -> None:
        """Write this lock in place of the one that is there, in as many files. Durable once this returns."""
        with self._mutex:
            self._write(lock, self._read())

    def split(self) -> None:
        """Give each spec a lockfile of its own. The header is written last: until then `assets.lock` counts."""
        with self._mutex:
            found = self._read()
            if unpacked_parts(found) is None:
                texts = self._part_bytes(parse_lock(self._root, found))
                write_parts(self._root, texts, dict.fromkeys(part_files(self._root), b""))
                disk.write_atomic(self.path, HEADER.encode())

    def unite(self) -> None:
        """Write one lockfile for the whole project. The parts are deleted last."""
        with self._mutex:
            parts = unpacked_parts(found := self._read())
            if parts is not None:
                disk.write_atomic(self.path, dumps(parse_lock(self._root, found)).encode())
                write_parts(self._root, {}, parts)

    def _write(self, lock: Lock, found: bytes | None) -> None:
        parts = unpacked_parts(found)
        if parts is not None:
            texts = self._part_bytes(lock)
            write_parts(self._root, texts, parts)
            self._lock, self._digest = lock, _digest(packed_parts(texts))
            return
        data = self._text(lock).encode("utf-8")
        if data != found and (found is not None or lock != Lock()):
            disk.write_atomic(self.path, data)
            found = data
        self._lock, self._digest = lock, _digest(found)

    def _part_bytes(self, lock: Lock) -> dict[str, bytes]:
        return {path: text.encode() for path, text in part_texts(lock).items()}

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


def _digest(data: bytes | None) -> bytes:
    """Instead of the bytes, which are 50 MB for 100,000 assets."""
    return b"" if data is None else hashlib.sha256(data).digest()
