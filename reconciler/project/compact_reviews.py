"""Merge old files of verdicts into one, without those that matter no more."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator
from pathlib import Path

from reconciler.core.digest import ContentHash
from reconciler.core.errors import ConsentNeeded, ProjectError
from reconciler.core.lock.parts import PARTS
from reconciler.core.reviews.compact import compacted
from reconciler.core.reviews.rules import REVIEWS
from reconciler.core.reviews.verdict import verdict_line
from reconciler.core.value import value
from reconciler.project.reviews import Reviews
from reconciler.project.workspace import Workspace
from reconciler.store import disk
from reconciler.store.documents.derived_records import LOCAL
from reconciler.store.documents.project import DERIVED_LOCK, LOCK_FILE
from reconciler.store.documents.reviews import SUFFIX, review_names
from reconciler.store.worktree.git import GitRepository

_CONTENT = re.compile(rb"sha256:[0-9a-f]{64}")
_MAX_HEADS = 1_000
_MAX_LOCKS = 256 << 20


@value
class Compaction:
    """The result: the file that took the place of `files` others, and the numbers of verdicts. No file: nothing was
    to do."""

    file: str = ""
    files: int = 0
    kept: int = 0
    dropped: int = 0


def compact_reviews(workspace: Workspace, reviews: Reviews | None, *, consent: Callable[[int], bool]) -> Compaction:
    """Merge the files that git tracks; outside git, all files. `consent` decides on the number of files.

    An approval stays while the lockfile of any branch names its image.
    """
    root = workspace.root
    repository = GitRepository(root)
    tracked = frozenset(repository.tracked(REVIEWS)) if repository.directory is not None else None
    if repository.failure is not None:
        raise ProjectError(f"does git track {REVIEWS}/? {repository.failure.fact}", hint=repository.failure.hint)
    paths = [f"{REVIEWS}/{name}" for name in review_names(root)]
    old = [path for path in paths if tracked is None or path in tracked]
    if reviews is None or len(old) < 1:
        return Compaction()
    known = [each for each in reviews.verdicts if each.place.file in old]
    kept = compacted(known, _named(workspace, repository), uncounted=reviews.problem)
    data = "".join(f"{verdict_line(each)}\n" for each in kept).encode()
    name = f"{REVIEWS}/compact-{hashlib.sha256(data).hexdigest()[:16]}{SUFFIX}"
    if len(old) == 1 and len(kept) == len(known):
        return Compaction()
    if not consent(len(old)):
        raise ConsentNeeded("nothing was changed")
    if kept:
        disk.write_atomic(root / name, data)  # before the others go: a verdict that is there twice does no harm
    for path in old:
        if path != name:
            disk.remove(root / path)
    disk.fsync_dir(root / REVIEWS)
    return Compaction(name if kept else REVIEWS, len(old), len(kept), len(known) - len(kept))


def _named(workspace: Workspace, repository: GitRepository) -> frozenset[ContentHash]:
    """The contents that the lockfiles name, those of derived files, too, here and at the head of every branch."""
    entries = workspace.locked().entries.values()
    found = {entry.content for entry in entries} | {entry.original for entry in entries if entry.original is not None}
    heads = repository.output("for-each-ref", "--format=%(objectname)", "refs/heads", "refs/remotes").split()
    if len(heads) > _MAX_HEADS:
        raise ProjectError(f"there are more than {_MAX_HEADS:,} branches", hint="delete merged branches first")
    wanted = sorted({blob for head in heads for blob in _lock_blobs(repository, head.decode("ascii"))})
    if sum(repository.blob_sizes(wanted).values() if wanted else ()) > _MAX_LOCKS:
        raise ProjectError("the lockfiles of all branches are too large together", hint="delete merged branches first")
    for data in repository.small_blobs(wanted).values():
        found.update(_contents(data))
    for name in (DERIVED_LOCK, LOCAL):
        found.update(_contents(_bytes(workspace.root / name)))
    if repository.failure is not None:
        raise ProjectError(f"git cannot read all lockfiles: {repository.failure.fact}", hint=repository.failure.hint)
    return frozenset(found)


def _lock_blobs(repository: GitRepository, commit: str) -> Iterator[str]:
    """The blobs of the lockfiles of a commit: one file or many, and that of derived files."""
    listed = repository.output("ls-tree", "-r", "-z", commit, "--", LOCK_FILE, f"{PARTS}/", DERIVED_LOCK)
    for line in listed.split(b"\0"):
        meta, _, _ = line.partition(b"\t")
        if meta.startswith(b"100"):
            yield meta.split(b" ")[2].decode("ascii")


def _contents(data: bytes) -> Iterator[ContentHash]:
    return (ContentHash(each.decode("ascii")) for each in _CONTENT.findall(data))


def _bytes(path: Path) -> bytes:
    try:
        return disk.plain_bytes(path, most=_MAX_LOCKS)
    except (FileNotFoundError, NotADirectoryError):
        return b""
