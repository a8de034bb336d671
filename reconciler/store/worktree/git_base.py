"""The files of the commit at which a branch began, read from git's objects: no checkout, hook, filter or index."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Mapping, Sequence

from reconciler.core.errors import ProjectError
from reconciler.core.ports import SourceFailure
from reconciler.core.value import value
from reconciler.store import disk
from reconciler.store.worktree.git import GitRepository
from reconciler.store.worktree.git_revision import find_revision

MAX_BASE_BYTES = 256 << 20
"""Bytes of specs and lockfile that are read of a commit."""
_PATHS_AT_ONCE = 400
_SHA1 = 40
"""Digits of a blob in a repository that names objects by SHA-1."""
_DEEPEN = "this clone is shallow: `git fetch --deepen=100` gets older commits, `git fetch --unshallow` all of them"


@value
class BlobAt:
    """A regular file of a commit: its blob and its bytes."""

    blob: str
    size: int


@value
class BaseCommit:
    """A commit to compare with. Paths are relative to the root of the repository value."""

    repository: GitRepository
    commit: str

    def listing(self, folders: Sequence[str]) -> dict[str, BlobAt]:
        """The regular files at or below these paths."""
        found: dict[str, BlobAt] = {}
        for start in range(0, len(folders), _PATHS_AT_ONCE):
            some = folders[start : start + _PATHS_AT_ONCE]
            for line in self._output("ls-tree", "-r", "-l", "-z", self.commit, "--", *some).split(b"\0"):
                meta, _, name = line.partition(b"\t")
                fields = meta.split()
                if meta.startswith(b"100") and len(fields) == 4 and fields[3].isdigit():
                    found[os.fsdecode(name)] = BlobAt(fields[2].decode("ascii"), int(fields[3]))
        return found

    def differing(self, files: Mapping[str, BlobAt]) -> frozenset[str]:
        """Those of these files that are not the same in the working tree, by their bytes: git itself would compare them
        after the filters that their attributes name."""
        return frozenset(path for path, each in files.items() if not self._is_same(path, each))

    def _is_same(self, path: str, each: BlobAt) -> bool:
        try:
            with disk.opened(self.repository.root / path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK) as fd:
                seen = os.fstat(fd)
                if not stat.S_ISREG(seen.st_mode) or seen.st_size != each.size:
                    return False
                digest = hashlib.new("sha1" if len(each.blob) == _SHA1 else "sha256", usedforsecurity=False)
                digest.update(b"blob %d\0" % each.size)
                while piece := os.read(fd, disk.DISK_CHUNK):
                    digest.update(piece)
        except OSError:
            return False
        return digest.hexdigest() == each.blob

    def contents(self, files: dict[str, BlobAt]) -> dict[str, bytes]:
        """The bytes of these files."""
        if sum(each.size for each in files.values()) > MAX_BASE_BYTES:
            raise ProjectError(f"the files of {self.commit[:7]} have more than {MAX_BASE_BYTES >> 20} MiB")
        blobs = self.repository.small_blobs(sorted({each.blob for each in files.values()}))
        self._check()
        missing = [path for path, each in files.items() if each.blob not in blobs]
        if missing:
            fact = f"git: {missing[0]} of {self.commit[:7]} is not in this clone"
            raise ProjectError(fact, hint="the clone is partial: fetch that commit with its files")
        return {path: blobs[each.blob] for path, each in files.items()}

    def _output(self, *arguments: str) -> bytes:
        found = self.repository.output(*arguments)
        self._check()
        return found

    def _check(self) -> None:
        if self.repository.failure is not None:
            raise _refused(self.repository.failure)


def base_commit(repository: GitRepository, name: str) -> BaseCommit:
    """The commit at which the branch that is checked out began, seen from the commit `name`.

    ProjectError where git does not know it: a comparison with nothing would call every asset new.
    """
    found = find_revision(repository, name)
    if isinstance(found, SourceFailure):
        hint = _DEEPEN if repository.directory is not None and repository.shallow else found.hint
        raise ProjectError(found.fact, hint=hint)
    merge_base = repository.output("merge-base", found.commit, "HEAD", unset=1).strip().decode("ascii")
    if repository.failure is not None:
        raise _refused(repository.failure)
    if not merge_base:
        hint = _DEEPEN if repository.shallow else "they have no history in common: compare with another branch"
        raise ProjectError(f"git finds no commit at which this branch and {name} began", hint=hint)
    return BaseCommit(repository, merge_base)


def _refused(failure: SourceFailure) -> ProjectError:
    return ProjectError(failure.fact, hint=failure.hint)
