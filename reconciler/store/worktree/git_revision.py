"""The files of one commit of the repository around a project."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path

from reconciler.core.digest import ContentHash, hex_of
from reconciler.core.ports import SourceFailure
from reconciler.core.value import value
from reconciler.store import disk
from reconciler.store.worktree.git import BlobFailed, GitRepository
from reconciler.store.worktree.git_sources import GitLfs
from reconciler.store.worktree.lfs_pointer import LFS_POINTER_LIMIT, lfs_oid


@value
class GitRevision:
    """A commit, and the words by which the user named it. Paths are relative to the root of the repository value."""

    repository: GitRepository
    name: str
    commit: str

    def blobs(self, paths: Sequence[str]) -> dict[str, str]:
        """The blob at each path; a path that the commit does not have is left out."""
        return self.repository.blobs_at(self.commit, paths)

    def files(self, folder: str) -> dict[str, str]:
        """The blob of each plain file directly in a folder, by path."""
        found: dict[str, str] = {}
        for line in self.repository.output("ls-tree", "-z", self.commit, "--", f"{folder}/").split(b"\0"):
            meta, _, path = line.partition(b"\t")
            if meta.startswith(b"100"):
                found[os.fsdecode(path)] = meta.split(b" ")[2].decode("ascii")
        return found

    def contents(self, blobs: Mapping[str, str], *, most: int) -> dict[str, bytes] | SourceFailure:
        """The bytes of small files, by path, given their blobs; SourceFailure for more bytes together than `most`."""
        wanted = sorted(set(blobs.values()))
        sizes = self.repository.blob_sizes(wanted) if wanted else {}
        if len(sizes) < len(wanted):
            return self.repository.failure or SourceFailure(f"git: {self.name} is not wholly in this clone")
        if sum(sizes.values()) > most:
            return SourceFailure(f"its files in {self.name} have more than {most >> 20} MiB")
        found = self.repository.small_blobs(wanted)
        return {path: found[blob] for path, blob in blobs.items() if blob in found}

    def small_file(self, path: str, *, most: int) -> bytes | SourceFailure | None:
        """The bytes of a file; None if the commit does not have it, SourceFailure if it has more bytes than `most`."""
        blob = self.blobs((path,)).get(path)
        if blob is None:
            return self.repository.failure
        size = self.repository.blob_sizes((blob,)).get(blob)
        if size is None:
            return self.repository.failure or SourceFailure(f"git: {path} of {self.name} is not in this clone")
        if size > most:
            return SourceFailure(f"{path} of {self.name} is larger than {most >> 20} MiB")
        return self.repository.small_blobs((blob,)).get(blob)


def find_revision(repository: GitRepository, name: str) -> GitRevision | SourceFailure:
    """The commit that a branch, a tag or another name of git stands for."""
    if repository.directory is None:
        return repository.failure or SourceFailure("the project is in no git repository")
    given = f"{name}^{{commit}}"
    usable = name and not name.startswith(("-", "^")) and "\0" not in name
    commit = repository.output("rev-parse", "--verify", "--quiet", given, unset=1).strip() if usable else b""
    if not commit:
        hint = "write a branch, a tag or a commit; in CI, fetch it first: a checkout may be shallow"
        return repository.failure or SourceFailure(f'git has no commit "{name}" here', hint)
    return GitRevision(repository, name, commit.decode("ascii"))


class RevisionFiles:
    """A Source of the bytes that one commit has at some paths: blobs, or objects of Git LFS on this machine. Blobs
    are copied into `folder`; nothing else is written."""

    def __init__(self, revision: GitRevision, paths: Sequence[str], *, lfs: GitLfs, folder: Path) -> None:
        self.name = f"{revision.name} of git"
        self._revision = revision
        self._paths = tuple(paths)
        self._lfs = lfs
        self._folder = folder

    @cached_property
    def _blobs(self) -> dict[str, str]:
        return self._revision.blobs(self._paths)

    def has(self, content: ContentHash, path: str) -> bool:
        """See core.ports.Source."""
        return self.fetch(content, path) is not None

    def fetch(self, content: ContentHash, path: str) -> Path | None:
        """See core.ports.Source."""
        blob = self._blobs.get(path)
        if blob is None:
            return None
        copy = self._folder / hex_of(content)
        try:
            with open(copy, "wb") as file:
                file.writelines(self._revision.repository.read_blob(blob))
            if disk.holds(copy, content):
                return copy
            pointed = copy.stat().st_size <= LFS_POINTER_LIMIT and lfs_oid(copy.read_bytes()) == content
        except (BlobFailed, OSError):
            pointed = False
        copy.unlink(missing_ok=True)
        return self._lfs.fetch(content, path) if pointed else None

    def permanent(self) -> frozenset[ContentHash]:
        """See core.ports.Source. Not asked of it: it serves reading alone."""
        return frozenset()

    def failure(self, path: str) -> SourceFailure | None:
        """See core.ports.Source."""
        return self._revision.repository.failure
