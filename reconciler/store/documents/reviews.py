"""Read the verdicts in `reviews/*.jsonl`, and add to the file of the present session.

A file is written by one person in one checkout, and is never changed once git tracks it. So two branches never change
one file, and no merge conflicts.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Collection, Iterable
from datetime import date
from pathlib import Path

from reconciler.core.cautions import Caution
from reconciler.core.errors import MAX_PROBLEMS, DiskError, InvalidInput, Place, Problem
from reconciler.core.reviews.rules import REVIEWS
from reconciler.core.reviews.verdict import (
    MAX_VERDICT_BYTES,
    UnreadableVerdict,
    Verdict,
    read_verdict,
    verdict_line,
)
from reconciler.core.specs.settings import MAX_ASSETS
from reconciler.core.value import value
from reconciler.store import disk
from reconciler.store.append import append_lines
from reconciler.store.index.index import Index, stat_of

SUFFIX = ".jsonl"
REVIEW_BYTES = 800
"""Bytes of all files together for each asset that a project may have: more than a signed verdict has."""
MAX_REVIEW_FILES = 10_000
_COMPACT = "`reconciler review --compact` merges old files"
_NOT_OURS = f"the files {REVIEWS}/*{SUFFIX} hold verdicts: move any other file elsewhere"
_SLUG = re.compile(r"[^a-z0-9]+")


@value
class ReviewFiles:
    """All verdicts, in the order of files and lines, and the names of the files. `cautions` are about lines that a
    crash has cut off: such a line was never a verdict."""

    verdicts: tuple[Verdict, ...] = ()
    names: tuple[str, ...] = ()
    cautions: tuple[Caution, ...] = ()


def read_reviews(root: Path, index: Index, *, most: int = REVIEW_BYTES * MAX_ASSETS) -> ReviewFiles:
    """Every verdict of the project. InvalidInput names every line that is no verdict, and no verdict is left out.
    DiskError for more than `most` bytes."""
    index.note_stat(REVIEWS, stat_of(root / REVIEWS))
    files: list[tuple[str, bytes]] = []
    size = 0
    for name in review_names(root):
        path = f"{REVIEWS}/{name}"
        index.note_stat(path, stat_of(root / path))
        try:
            data = disk.plain_bytes(root / path, most=most, hint=_COMPACT)
        except FileNotFoundError:
            continue  # a compaction in another process
        size += len(data)
        if size > most:
            raise DiskError(f"{REVIEWS}/ has more than {most >> 20} MiB of verdicts", hint=_COMPACT)
        files.append((path, data))
    return parse_reviews(files)


def review_names(root: Path) -> tuple[str, ...]:
    """The names of the files with verdicts, sorted. DiskError where the folder is a link, or has too many files."""
    folder = root / REVIEWS
    disk.refuse_link(folder)
    try:
        with os.scandir(folder) as found:
            names = sorted(each.name for each in found if each.name.endswith(SUFFIX) and each.name[0] != ".")
    except FileNotFoundError:
        return ()
    except OSError:
        with disk.naming_errors("list", folder):
            raise
    if len(names) > MAX_REVIEW_FILES:
        raise DiskError(f"{REVIEWS}/ has more than {MAX_REVIEW_FILES:,} files", hint=_COMPACT)
    return tuple(names)


def parse_reviews(files: Iterable[tuple[str, bytes]]) -> ReviewFiles:
    """The verdicts of these files, given by path and bytes. InvalidInput as in `read_reviews`."""
    verdicts: list[Verdict] = []
    names: list[str] = []
    cautions: list[Caution] = []
    problems: list[Problem] = []
    for path, data in files:
        names.append(path)
        *lines, rest = data.split(b"\n")
        for number, line in enumerate(lines, start=1):
            place = Place(path, number)
            found = _verdict(line, place)
            if isinstance(found, Verdict):
                verdicts.append(found)
            elif len(problems) < MAX_PROBLEMS:
                problems.append(Problem(place, "", found.fact, found.hint or _NOT_OURS))
        if rest:
            place = Place(path, len(lines) + 1)
            found = _verdict(rest, place)
            if isinstance(found, Verdict):  # whole, but for the line break: an editor took it away
                verdicts.append(found)
            else:
                cautions.append(Caution("an unfinished line is not read", place=place, hint="delete it"))
    if problems:
        raise InvalidInput(tuple(problems))
    return ReviewFiles(tuple(verdicts), tuple(names), tuple(cautions))


def _verdict(line: bytes, place: Place) -> Verdict | UnreadableVerdict:
    if len(line) > MAX_VERDICT_BYTES:
        return UnreadableVerdict(f"a line of {len(line):,} bytes is no verdict", _NOT_OURS)
    try:
        return read_verdict(line.removesuffix(b"\r").decode(), place)
    except UnicodeDecodeError:
        return UnreadableVerdict("is not UTF-8 text", _NOT_OURS)


class ReviewSession:
    """The file to which the verdicts of one person go: `reviews/<date>-<reviewer>-<hex>.jsonl`.

    An uncommitted file of this person and day is continued; one that git tracks is never changed. `tracked` gives the
    paths in `reviews/` that git tracks; None where git cannot tell, and a new file is begun.
    """

    def __init__(self, root: Path, by: str, *, today: date, tracked: Callable[[], Collection[str] | None]) -> None:
        self._root = root
        self._prefix = f"{today.isoformat()}-{_slug(by)}-"
        self._tracked = tracked

    def append(self, verdicts: Iterable[Verdict]) -> str:
        """Add verdicts, and give the path of their file. Durable once this returns."""
        data = "".join(f"{verdict_line(each)}\n" for each in verdicts).encode()
        disk.make_dirs(self._root / REVIEWS)
        name = self._open_file() or f"{self._prefix}{os.urandom(4).hex()}{SUFFIX}"
        append_lines(self._root / REVIEWS / name, data)
        return f"{REVIEWS}/{name}"

    def _open_file(self) -> str | None:
        """The newest file of this person and day that git does not track; None if there is none."""
        names = [name for name in review_names(self._root) if name.startswith(self._prefix)]
        tracked = self._tracked() if names else ()
        if tracked is None:
            return None
        return next((name for name in reversed(names) if f"{REVIEWS}/{name}" not in tracked), None)


def _slug(by: str) -> str:
    """A name of a reviewer for a file: the letters and digits before the @."""
    return _SLUG.sub("-", by.partition("@")[0].lower()).strip("-")[:40] or "reviewer"
