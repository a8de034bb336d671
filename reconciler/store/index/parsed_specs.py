"""A cache of the values of valid specs, so that after a change to one file one file is parsed.

A cache: it can be deleted at any time. An entry is believed only for a file that looks exactly as it did, not for one
that merely holds bytes of the same hash: the signature comes from this machine's kernel, so that nobody can commit a
cache in which a spec says something else than what the reviewer reads.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, cast

from reconciler import __version__
from reconciler.core.digest import Json
from reconciler.core.errors import DiskError
from reconciler.core.specs.document import Path as NodePath
from reconciler.store import disk
from reconciler.store.index.snapshot import Signature, signature
from reconciler.store.schemas.files import schema_text

ParsedEntry = list[Any]
"""A signature's four numbers and the value."""
_MOST = 128 << 20
"""Bytes of the cache. That of 100,000 specs has half of them."""
WORTH = 200
"""Specs. A project with fewer is parsed in the time that it takes to read the cache."""


class ParsedCache:
    """Values by path. `racy` tells of a signature whether the file may change without a change of its signature."""

    def __init__(self, path: Path, *, racy: Callable[[Signature], bool]) -> None:
        self.path = path
        self._racy = racy
        self._known: dict[str, ParsedEntry] | None = {}
        self._taken: dict[str, ParsedEntry] = {}
        self._used: dict[str, ParsedEntry] = {}
        self._fresh = False

    def load(self) -> None:
        """Use the cache of earlier runs. The file is read when it is first needed."""
        self._known = None

    def __contains__(self, path: str) -> bool:
        """Whether there is an entry, which may be out of date."""
        return path in self._remembered

    def remember_all(self, entries: Iterable[tuple[str, ParsedEntry]]) -> None:
        """Add entries of files that a helper process has just parsed and found to be valid."""
        self._taken.update(entries)

    def pop_parsed(self, path: str) -> ParsedEntry | None:
        """The entry that was added for a file, once: the next call returns None."""
        entry = self._taken.pop(path, None)
        if entry is not None:
            self._remember(path, entry)
        return entry

    def value(self, path: str, seen: os.stat_result) -> Json:
        """The cached value of the file, or None (a valid spec is a mapping, never None)."""
        entry = self._remembered.get(path)
        if not isinstance(entry, list) or len(entry) != 5 or tuple(entry[:4]) != signature(seen):
            return None
        if not isinstance(entry[4], dict):
            return None
        self._used[path] = entry
        return cast(Json, entry[4])

    def remember(self, path: str, seen: os.stat_result, value: Json) -> None:
        """Cache the value of a valid file that was read after `seen` was taken."""
        self._remember(path, [*signature(seen), value])

    def _remember(self, path: str, entry: ParsedEntry) -> None:
        if not self._racy(marked(entry)):
            self._used[path] = entry
            self._fresh = True

    def save(self) -> None:
        """Write the entries that are in use, if one is new. An error of the disk costs only speed."""
        if not self._fresh or len(self._used) < WORTH:
            return
        text = json.dumps({"for": _reader(), "specs": self._used}, separators=(",", ":"), check_circular=False)
        with suppress(DiskError, OSError):
            disk.write_cache(self.path, text.encode("ascii"))
        self._fresh = False

    @property
    def _remembered(self) -> dict[str, ParsedEntry]:
        if self._known is None:
            self._known = self._load()
        return self._known

    def _load(self) -> dict[str, ParsedEntry]:
        with suppress(DiskError, OSError, ValueError, KeyError, TypeError, RecursionError):
            found = json.loads(disk.plain_bytes(self.path, most=_MOST))
            specs = found["specs"]
            if found["for"] == _reader() and isinstance(specs, dict):
                return specs
        return {}


def _reader() -> str:
    """Distinguishes caches of another parser or schema, whose values are not used."""
    return f"{__version__} {hashlib.sha256(schema_text('spec').encode()).hexdigest()[:16]}"


def marked(entry: ParsedEntry) -> Signature:
    """The signature of the file."""
    size, mtime, ctime, inode, _ = entry
    return size, mtime, ctime, inode


class LateMarks(Mapping[NodePath, tuple[int, int]]):
    """The marks of a file whose value was cached: the file is parsed when a position is needed."""

    __slots__ = ("_marks", "_parse")

    def __init__(self, parse: Callable[[], Mapping[NodePath, tuple[int, int]]]) -> None:
        self._parse = parse
        self._marks: Mapping[NodePath, tuple[int, int]] | None = None

    @property
    def marks(self) -> Mapping[NodePath, tuple[int, int]]:
        """All marks; the file is read once more for them."""
        if self._marks is None:
            self._marks = self._parse()
        return self._marks

    def __getitem__(self, path: NodePath) -> tuple[int, int]:
        return self.marks[path]

    def __iter__(self) -> Iterator[NodePath]:
        return iter(self.marks)

    def __len__(self) -> int:
        return len(self.marks)
