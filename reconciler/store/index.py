"""Remember what files looked like when they were hashed. A cache: it can be deleted at any time, and it never guesses.

An entry is believed only where size, mtime, ctime and inode are *equal*; order of times proves nothing. A file that
changed so lately that another change could carry the same times is not remembered at all (git's racy guard).
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from reconciler.core.digest import ContentHash
from reconciler.core.errors import DiskError
from reconciler.store import disk

_HEADER = "reconciler index 1"
TICK_NS = 50_000_000
"""Two changes of a file nearer than this may carry the same time: kernels stamp files with a clock of up to 10 ms."""
COARSE_TICK_NS = 2_100_000_000
"""The same for file systems that keep whole seconds, or every other one."""

Signature = tuple[int, int, int, int]


def signature(seen: os.stat_result) -> Signature:
    """What must be equal for a file to be the same: size, mtime, ctime, inode."""
    return (seen.st_size, seen.st_mtime_ns, seen.st_ctime_ns, seen.st_ino)


def racy(mark: Signature, now_ns: int) -> bool:
    """Whether the file may still change without its times showing it."""
    newest = max(mark[1], mark[2])
    coarse = mark[1] % 1_000_000_000 == 0 and mark[2] % 1_000_000_000 == 0
    return newest > now_ns - (COARSE_TICK_NS if coarse else TICK_NS)


class Index:
    """Contents by path. Safe to use from several threads: each entry is one assignment."""

    def __init__(self, path: Path, *, now_ns: Callable[[], int] = time.time_ns) -> None:
        self.path = path
        self._now_ns = now_ns
        self._known: dict[str, tuple[Signature, ContentHash]] = {}
        self._fresh: dict[str, tuple[Signature, ContentHash]] = {}

    def load(self) -> Index:
        """Read what earlier runs remembered; nothing where there is nothing, or nothing legible."""
        with suppress(OSError, ValueError):
            lines = self.path.read_text("utf-8", "surrogateescape").split("\n")
            if lines[0] == _HEADER and lines[-1] == f"end {len(lines) - 2}":
                for line in lines[1:-1]:
                    size, mtime, ctime, inode, content, path = line.split(" ", 5)
                    mark = (int(size), int(mtime), int(ctime), int(inode))
                    self._known[path] = (mark, ContentHash(content))
        return self

    def content(self, path: str, seen: os.stat_result) -> ContentHash | None:
        """The content of a file that looks as it did when it was hashed, or None."""
        entry = self._known.get(path)
        return entry[1] if entry is not None and entry[0] == signature(seen) else None

    def learn(self, path: str, seen: os.stat_result, content: ContentHash) -> None:
        """Remember a content hashed after `seen` was taken."""
        mark = signature(seen)
        if not racy(mark, self._now_ns()) and "\n" not in path:
            self._fresh[path] = (mark, content)

    def save(self) -> None:
        """Write what was learned, if anything was. A disk that refuses costs only speed."""
        if not self._fresh:
            return
        self._known |= self._fresh
        self._fresh = {}
        lines = [_HEADER]
        lines += [f"{' '.join(map(str, mark))} {content} {path}" for path, (mark, content) in self._known.items()]
        lines.append(f"end {len(lines) - 1}")
        with suppress(DiskError):
            disk.write_atomic(self.path, "\n".join(lines).encode("utf-8", "surrogateescape"))
