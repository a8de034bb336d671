"""A cache of file signatures and hashes. It never guesses.

An entry is used only if size, mtime, ctime and inode are *equal*; the order of times proves nothing. A file that
changed so recently that another change could have the same times gets no entry (the racy guard of git).
"""

from __future__ import annotations

import os
import time
from array import array
from collections import defaultdict
from collections.abc import Callable, Mapping
from contextlib import suppress
from itertools import chain, islice, repeat
from pathlib import Path

from reconciler.core.digest import ContentHash, content_of_hex, hex_of
from reconciler.core.errors import DiskError
from reconciler.store import disk
from reconciler.store.index import snapshot
from reconciler.store.index.parsed_specs import ParsedCache
from reconciler.store.index.snapshot import ABSENT, Signature, Snapshot, folder_signature, signature

TICK_NS = 50_000_000
"""Two changes within this time may get the same timestamp: kernels stamp files with a clock of up to 10 ms."""
COARSE_TICK_NS = 2_100_000_000
"""The same for file systems with timestamps of one or two seconds."""
_NO_DIGEST = bytes(32)
_UNKNOWN = content_of_hex(_NO_DIGEST.hex())
FOREVER = 1 << 62
FEW = 50
"""With more new hashes than this, the index of a project that is not clean replaces that of a clean one."""


def racy(mark: Signature, now_ns: int) -> bool:
    """Whether another change of the file could leave its timestamps as they are."""
    newest = max(mark[1], mark[2])
    coarse = mark[1] % 1_000_000_000 == 0 and mark[2] % 1_000_000_000 == 0
    return newest > now_ns - (COARSE_TICK_NS if coarse else TICK_NS)


def stat_of(path: Path) -> os.stat_result | None:
    """The state of a file; None if there is none."""
    try:
        return os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError:
        with disk.naming_errors("look at", path):
            raise


def index_without_memory(root: Path) -> Index:
    """An empty index that is never saved, for commands that read a file or two."""
    return Index(root, root / "index")


class Index:
    """Signatures and contents by path below the root, with `/`. Threads may use it: each entry is one assignment.

    What a command looks at is noted *before* it is read: a change in between then shows as a difference next time.
    """

    def __init__(self, root: Path, path: Path, *, now_ns: Callable[[], int] = time.time_ns) -> None:
        self.root = root
        self.path = path
        self._now_ns = now_ns
        self._known: dict[str, tuple[Signature, ContentHash]] = {}
        self._seen: dict[str, Signature] = {}
        self._folders: dict[str, Signature] = {}
        self._contents: dict[str, ContentHash] = {}
        self._began = now_ns()
        self.parsed = ParsedCache(path.with_name("parsed"), racy=lambda mark: racy(mark, self._began))

    def load(self) -> Index:
        """Read the index of earlier runs; it stays empty if there is none, or an unreadable one."""
        self.parsed.load()
        found = snapshot.load(str(self.path))
        if found is not None:
            at = here = 0
            for folder, count, listed in found.folders:
                at += 4 * bool(listed)
                for name in found.names[here : here + count]:
                    digest = found.digests[here * 32 : here * 32 + 32]
                    if digest != _NO_DIGEST:
                        size, mtime, ctime, inode = found.marks[at : at + 4]
                        full = f"{folder}/{name}" if folder else name
                        self._known[full] = ((size, mtime, ctime, inode), content_of_hex(digest.hex()))
                    here += 1
                    at += 4
        return self

    @property
    def remembers_little(self) -> bool:
        """Whether the index is empty: there is no file yet, or it is not used."""
        return not self._known

    def note_stat(self, path: str, seen: os.stat_result | None) -> None:
        """Note the state of a file before it is read; None: there was none."""
        self._seen[path] = ABSENT if seen is None else signature(seen)

    def note_signature(self, path: str, mark: Signature) -> None:
        """The same for a file that a helper process has read."""
        self._seen[path] = mark

    def note_folder(self, path: str, seen: os.stat_result) -> None:
        """Note the state of a folder before it is listed. `path` is "" for the root."""
        self._folders[path] = folder_signature(seen)

    def content(self, path: str, seen: os.stat_result) -> ContentHash | None:
        """The hash of a file whose signature is that of the entry, or None."""
        entry = self._known.get(path)
        if entry is None or entry[0] != signature(seen):
            return None
        self._contents[path] = entry[1]
        return entry[1]

    def remember(self, path: str, mark: Signature, content: ContentHash) -> None:
        """Add the hash of a file that was read after this signature was taken. Only a file that was unchanged before
        this run began gets an entry: any other may have been written within the clock tick of its signature."""
        if not racy(mark, self._began):
            self._contents[path] = content

    def remember_all(self, found: Mapping[str, tuple[Signature, ContentHash]]) -> None:
        """Note and add many files that helper processes have hashed."""
        for path, (mark, content) in found.items():
            self._seen[path] = mark
            self.remember(path, mark, content)

    def save(self, says: Mapping[str, str], *, notes: bytes = b"", until: float = FOREVER) -> None:
        """Write all that was seen. `says` are the answers of commands while nothing changes: empty where not all is
        clean, and dropped where something may still change unseen. A disk that refuses costs only speed.

        Where not all is clean, an index of when it was is kept if only specs differ from it: the next plan then reads
        those alone. It is as true as before, since whatever it is asked for is held against all files again.
        """
        recent = self._began - COARSE_TICK_NS
        marks = (mark for mark in (*self._seen.values(), *self._folders.values()) if max(mark[1], mark[2]) > recent)
        if self._began > self._now_ns() or any(racy(mark, self._began) for mark in marks):
            says = {}
        if not says and self._serves_still():
            return
        packed = snapshot.pack(self._snapshot(dict(says), notes, until))
        with suppress(DiskError, OSError):
            if disk.plain_bytes(self.path, most=snapshot.MAX_SNAPSHOT) == packed:
                return
        with suppress(DiskError, OSError):
            disk.write_cache(self.path, packed)

    def _serves_still(self) -> bool:
        """Whether the index on disk is of a clean project that differs from this one by a few specs only. Never if this
        run did not use it: a change that it found in a file with an unchanged signature must be saved."""
        anew = (path for path, content in self._contents.items() if self._known.get(path, ("", ""))[1] != content)
        if self.remembers_little or len(list(islice(anew, FEW + 1))) > FEW:
            return False
        base = snapshot.compare(str(self.root), "check", index=os.path.relpath(self.path, self.root))
        changed = base.changed if base is not None else None
        return bool(changed) and all(snapshot.spec_kind(path.rpartition("/")[2]) == "spec" for path, _ in changed or ())

    def _snapshot(self, says: dict[str, str], notes: bytes, until: float) -> Snapshot:
        by_folder = defaultdict(list, {folder: list[str]() for folder in self._folders})
        for path in self._seen:
            by_folder[path.rpartition("/")[0]].append(path)
        folders: list[tuple[str, int, bool]] = []
        names: list[str] = []
        marks: list[Signature] = []
        digests: list[str] = []
        for folder, paths in sorted(by_folder.items()):
            listed = folder in self._folders
            folders.append((folder, len(paths), listed))
            if listed:
                marks.append(self._folders[folder])
            start = len(folder) + 1 if folder else 0
            names += [path[start:] for path in paths]
            marks += map(self._seen.__getitem__, paths)
            digests += map(hex_of, map(self._contents.get, paths, repeat(_UNKNOWN)))
        flat, joined = array("q", list(chain.from_iterable(marks))), bytes.fromhex("".join(digests))
        return Snapshot(says, folders, names, marks=flat, digests=joined, notes=notes, until=until)
