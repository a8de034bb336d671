"""Bytes that git has: the objects of Git LFS on this machine, and the history of a path."""

from __future__ import annotations

import hashlib
import shlex
from collections.abc import Iterable
from functools import cached_property
from pathlib import Path
from typing import Protocol

from reconciler.core.digest import ContentHash, content_of_hex, hex_of
from reconciler.core.ports import Objects, SourceFailure, Spool
from reconciler.store import disk
from reconciler.store.worktree.git import BlobFailed, GitRepository
from reconciler.store.worktree.lfs_pointer import LFS_POINTER_LIMIT, lfs_oid

_BLOBS_PER_PATH = 200
"""Versions of one path that are hashed in the search for bytes."""


class _SpoolingObjects(Objects, Spool, Protocol):
    """A store that bytes can be streamed into."""


class GitLfs:
    """A Source: the objects that Git LFS has downloaded."""

    name = "Git LFS"

    def __init__(self, repository: GitRepository) -> None:
        self._repository = repository

    def has(self, content: ContentHash, path: str) -> bool:
        """See core.ports.Source."""
        return self.fetch(content, path) is not None

    def fetch(self, content: ContentHash, path: str) -> Path | None:
        """See core.ports.Source."""
        oid = hex_of(content)
        files = (folder / oid[:2] / oid[2:4] / oid for folder in self._repository.lfs_objects)
        return next((file for file in files if disk.holds(file, content)), None)

    def permanent(self) -> frozenset[ContentHash]:
        """Nothing by itself: `git lfs prune` deletes objects that no commit names."""
        return frozenset()

    def failure(self, path: str) -> SourceFailure | None:
        """See core.ports.Source."""
        return self._repository.failure


class GitHistory:
    """A Source: the committed versions of some paths. One walk through the history serves all of them."""

    name = "the git history"

    def __init__(
        self, repository: GitRepository, paths: Iterable[str], *, lfs: GitLfs, store: _SpoolingObjects
    ) -> None:
        self._repository = repository
        self._paths = sorted(set(paths))
        self._lfs = lfs
        self._store = store
        self._unread: dict[str, SourceFailure] = {}

    def has(self, content: ContentHash, path: str) -> bool:
        """See core.ports.Source."""
        return self._blob(content, path) is not None

    def fetch(self, content: ContentHash, path: str) -> Path | None:
        """See core.ports.Source. The bytes are copied into the store."""
        blob = self._blob(content, path)
        if blob is None:
            return None
        temp, stream = self._store.open()
        try:
            with stream:
                for chunk in self._repository.read_blob(blob):
                    stream.write(chunk)
            temp = Path(stream.name)
            if self._store.put_file(temp) != content:
                return None
        except BlobFailed:
            return None
        finally:
            temp.unlink(missing_ok=True)
        return self._store.sound(content)

    def permanent(self) -> frozenset[ContentHash]:
        """The committed contents of the paths: whole, or as a pointer to an object that Git LFS has here."""
        found: set[ContentHash] = set()
        for blob in sorted({blob for blobs in self._history.values() for blob in blobs}):
            try:
                digest, head = self._digest(blob)
            except BlobFailed:
                continue
            pointed = lfs_oid(head)
            if pointed is None:
                found.add(digest)
            elif self._lfs.has(pointed, ""):
                found.add(pointed)
        return frozenset(found)

    def failure(self, path: str) -> SourceFailure | None:
        """See core.ports.Source."""
        blobs = self._history.get(path, ())
        if self._repository.failure is not None:
            return self._repository.failure
        failures = (self._unread[blob] for blob in blobs if blob in self._unread)
        unread = next(failures, None)
        if unread is not None:
            hint = f"`git log --all -m -p -- {shlex.quote(path)} >/dev/null` lets git fetch every version of it"
            return SourceFailure(unread.fact, unread.hint or hint)
        if self._repository.shallow:
            fact = "git: this clone is shallow, and the rest of the history may have it"
            return SourceFailure(fact, "`git fetch --unshallow` fetches the rest")
        return None

    @cached_property
    def _history(self) -> dict[str, list[str]]:
        return self._repository.history(self._paths)

    def _blob(self, content: ContentHash, path: str) -> str | None:
        """The newest blob of this path with these bytes."""
        blobs = self._history.get(path, ())[:_BLOBS_PER_PATH]
        return next((blob for blob in blobs if self._is(blob, content)), None)

    def _is(self, blob: str, content: ContentHash) -> bool:
        try:
            digest, head = self._digest(blob)
        except BlobFailed as error:
            self._unread[blob] = error.failure
            return False
        return lfs_oid(head) is None and digest == content

    def _digest(self, blob: str) -> tuple[ContentHash, bytes]:
        """The content of a blob, and its first bytes. BlobFailed if git cannot read it."""
        digest = hashlib.sha256()
        head = b""
        for chunk in self._repository.read_blob(blob):
            head = head or chunk[: LFS_POINTER_LIMIT + 1]
            digest.update(chunk)
        return content_of_hex(digest.hexdigest()), head
