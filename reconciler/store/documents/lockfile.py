"""Write `assets.lock` atomically, only if it changes, and never over the changes of another program.

The user may check out or merge another branch while an apply runs. So the file is compared, by its digest, with the one
last read or written here. If it differs, it is read again, and all events of the journal are applied to it. That may be
repeated, since the last event of an asset replaces its entry.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from reconciler.core.digest import AssetId
from reconciler.core.events import Durable, settle
from reconciler.core.lock.lockfile import Lock, LockEntry, dump_answers, dump_entry, dumps, pieces
from reconciler.core.lock.parts import HEADER, part_texts
from reconciler.core.specs.settings import MAX_ASSETS
from reconciler.store import disk
from reconciler.store.documents.lock_parts import packed_parts, part_files, unpacked_parts, write_parts
from reconciler.store.documents.project import LOCK_BYTES, LOCK_FILE, digest_of, lock_bytes, lock_digest, parse_lock


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
        self._digest = digest_of(None)
        self._parts: dict[str, bytes] | None = None
        self._lines: dict[AssetId, tuple[LockEntry, str]] = {}

    def update(self, events: Iterable[Durable]) -> None:
        """Apply these events, which the journal has already. Durable once this returns.

        An unchanged lockfile is not touched, so that an outer make stops there. LockfileError if another program has
        written an unreadable lockfile: it is left as it is, and the journal keeps the events.
        """
        with self._mutex:
            known = self._known()
            if known is None:
                found = self._read()
                self._write(settle(parse_lock(self._root, found), self._journal()).lock, found)
            else:
                self._write_known(settle(known, events).lock)

    def catch_up(self) -> None:
        """Apply all events of the journal."""
        with self._mutex:
            known = self._known()
            if known is None:
                found = self._read()
                self._write(settle(parse_lock(self._root, found), self._journal()).lock, found)
            else:
                self._write_known(settle(known, self._journal()).lock)

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

    def _known(self) -> Lock | None:
        """The lock that is in the file, if the file is as it was last read or written here."""
        return self._lock if lock_digest(self._root, most=self._most) == self._digest else None

    def _write(self, lock: Lock, found: bytes | None) -> None:
        self._lock, self._parts, self._digest = None, unpacked_parts(found), digest_of(found)
        self._write_known(lock)

    def _write_known(self, lock: Lock) -> None:
        """Write a lock in place of what `_parts` and `_digest` tell."""
        if self._parts is not None:
            texts = self._part_bytes(lock)
            write_parts(self._root, texts, self._parts)
            self._lock, self._parts, self._digest = lock, texts, digest_of(packed_parts(texts))
            return
        lines = self._entry_lines(lock)
        digest = hashlib.sha256()
        for chunk in _chunks(lock, lines):
            digest.update(chunk)
        if digest.digest() != self._digest and (self._digest != digest_of(None) or lock != Lock()):
            disk.write_atomic_chunks(self.path, _chunks(lock, lines))
            self._digest = digest.digest()
        self._lock = lock

    def _part_bytes(self, lock: Lock) -> dict[str, bytes]:
        return {path: text.encode() for path, text in part_texts(lock).items()}

    def _read(self) -> bytes | None:
        return lock_bytes(self._root, most=self._most)

    def _entry_lines(self, lock: Lock) -> list[str]:
        """The lines of every entry. Only entries that are new since the last time are rendered."""
        lines: dict[AssetId, tuple[LockEntry, str]] = {}
        for asset, entry in sorted(lock.entries.items(), key=lambda item: item[0]):
            known = self._lines.get(asset)
            same = known is not None and (known[0] is entry or known[0] == entry)
            lines[asset] = known if known is not None and same else (entry, dump_entry(asset, entry))
        self._lines = lines
        return [text for _, text in lines.values()]


def _chunks(lock: Lock, lines: list[str]) -> Iterator[bytes]:
    """The lockfile. A large one is never in memory as a whole: each thread that saves it would keep as much."""
    found: list[str] = []
    size = 0
    for piece in pieces(lines, dump_answers(lock), version=lock.version):
        found.append(piece)
        size += len(piece)
        if size > disk.DISK_CHUNK:
            yield "".join(found).encode()
            found, size = [], 0
    yield "".join(found).encode()
