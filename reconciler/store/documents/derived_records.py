"""Read and write `derived.lock`, its local part for files that git ignores, and the record of files being put in place.

A run that dies between a rename and a save leaves files that the lock does not know. Their lines are in
`.reconciler/deriving` before they are renamed, so the next run knows them for its own, and not for a person's edit.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from reconciler.core.derived.derived_lock import DerivedLine, DerivedLock, dump_derived, load_derived
from reconciler.core.digest import ContentHash
from reconciler.core.errors import DiskError, LockfileError
from reconciler.store import disk
from reconciler.store.append import append_lines
from reconciler.store.documents.project import DERIVED_LOCK
from reconciler.store.state.state_dir import STATE

LOCAL = f"{STATE}/derived"
UNDERWAY = f"{STATE}/deriving"
DERIVED_BYTES = 2_800
"""Bytes of the lock for each asset that a project may have: those of ten files."""


class DerivedOnDisk:
    """The lock of the project at `root`, of at most `most` bytes. A core.ports.DerivedRecords."""

    def __init__(self, root: Path, *, most: int) -> None:
        self._root = root
        self._most = most
        self._seen: dict[str, bytes | None] = {}

    def committed(self) -> DerivedLock:
        """`derived.lock`, or an empty one where there is none. LockfileError for one that cannot be read."""
        return self._load(DERIVED_LOCK)

    def local(self) -> DerivedLock:
        """The lines of the files that git ignores. A damaged file counts as empty: it is no promise to anybody."""
        try:
            return self._load(LOCAL)
        except LockfileError:
            return DerivedLock()

    def underway(self) -> tuple[tuple[str, str, DerivedLine], ...]:
        """The lines that a run recorded before it died: the set, the path and the line of each. A line that was cut off
        counts for nothing."""
        try:
            data = disk.plain_bytes(self._root / UNDERWAY, most=self._most)
        except (OSError, DiskError):
            return ()
        found: list[tuple[str, str, DerivedLine]] = []
        for text in data.decode("utf-8", "replace").splitlines():
            try:
                found += load_derived(text, file=UNDERWAY, content_of=lambda _: None).lines()
            except LockfileError:
                continue
        return tuple(found)

    def begin(self, sets: Mapping[str, Mapping[str, DerivedLine]], sources: Iterable[Path]) -> None:
        """See core.ports.DerivedRecords."""
        for path in sources:
            disk.sync_file(path)
        text = json.dumps(json.loads(dump_derived(sets))) + "\n"
        append_lines(self._root / UNDERWAY, text.encode("utf-8"))

    def save(
        self,
        committed: Mapping[str, Mapping[str, DerivedLine]],
        local: Mapping[str, Mapping[str, DerivedLine]],
    ) -> None:
        """See core.ports.DerivedRecords."""
        self._write(DERIVED_LOCK, committed)
        self._write(LOCAL, local)
        disk.remove(self._root / UNDERWAY)

    def _write(self, name: str, sets: Mapping[str, Mapping[str, DerivedLine]]) -> None:
        there = self._bytes(name)
        if name == DERIVED_LOCK and there != self._seen.get(name, there):
            hint = "run the command again: it reads the lock anew, and loses nothing"
            raise LockfileError(f"{name} was changed by another program meanwhile", hint=hint)
        wanted = any(sets.values())
        data = dump_derived(sets).encode("utf-8")
        if not wanted and there is not None:
            disk.remove(self._root / name)
        elif wanted and data != there:
            disk.write_atomic(self._root / name, data)
        self._seen[name] = data if wanted else None

    def _load(self, name: str) -> DerivedLock:
        data = self._seen[name] = self._bytes(name)
        if data is None:
            return DerivedLock()
        try:
            text = data.decode("utf-8").replace("\r\n", "\n")
        except UnicodeDecodeError as error:
            raise LockfileError(f"{name} is not UTF-8 text", hint="restore it from git") from error
        return load_derived(text, file=name, content_of=self._content_of)

    def _bytes(self, name: str) -> bytes | None:
        try:
            return disk.plain_bytes(self._root / name, most=self._most)
        except FileNotFoundError:
            return None
        except DiskError as error:
            raise LockfileError(error.fact, hint=error.hint) from error

    @property
    def _content_of(self) -> Callable[[str], ContentHash | None]:
        def content(path: str) -> ContentHash | None:
            try:
                return disk.plain_hash(self._root / path)
            except (DiskError, OSError, ValueError):
                return None

        return content
