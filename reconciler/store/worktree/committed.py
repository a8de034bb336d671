"""Find the images that the commit which is checked out does not have. Reads commits and files, and runs no filter."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from reconciler.core.digest import ContentHash
from reconciler.store import disk
from reconciler.store.worktree.git import GitRepository
from reconciler.store.worktree.lfs_pointer import LFS_POINTER_LIMIT, lfs_oid

_FILTERED_BY_NOBODY = ("unspecified", "unset", "lfs")


def by_repository(root: Path, paths: Iterable[str]) -> dict[Path, dict[str, str]]:
    """The real path of each file, relative to its repository, by the folder of that: the project, or a repository (a
    submodule) inside it. Links inside the project are followed, since git does not."""
    real_root = Path(os.path.realpath(root))
    nearest: dict[Path, Path] = {real_root: real_root}

    def repository_of(folder: Path) -> Path:
        if folder not in nearest:
            own = os.path.lexists(folder / ".git") or folder.parent == folder
            nearest[folder] = folder if own else repository_of(folder.parent)
        return nearest[folder]

    found: dict[Path, dict[str, str]] = {}
    for path in paths:
        real = Path(os.path.realpath(real_root / path))
        repository = repository_of(real.parent)
        found.setdefault(repository, {})[path] = str(real.relative_to(repository))
    return found


def uncommitted(repository: GitRepository, contents: Mapping[str, ContentHash]) -> tuple[str, ...]:
    """The paths at which HEAD does not have these contents, and which git does not ignore.

    The files are known to have them. A Git LFS pointer in HEAD counts as the content that it names. If the repository
    has a failure afterwards, the result means nothing.
    """
    blobs = repository.blobs_at("HEAD", sorted(contents))
    sizes = repository.blob_sizes(sorted(set(blobs.values())))
    pointers = repository.small_blobs([blob for blob, size in sizes.items() if size <= LFS_POINTER_LIMIT])
    other = [
        path
        for path, content in contents.items()
        if path not in blobs
        or not (
            lfs_oid(pointers.get(blobs[path], b"")) == content
            or _is_blob(repository.root / path, blobs[path], size=sizes.get(blobs[path]))
        )
    ]
    # a blob that another filter (git-crypt) has changed cannot be compared without running that filter
    filters = repository.filters([path for path in other if path in blobs])
    left = sorted(path for path in other if filters.get(path, "lfs") in _FILTERED_BY_NOBODY)
    ignored = repository.ignored(left)
    return tuple(path for path in left if path not in ignored)


def _is_blob(file: Path, blob: str, *, size: int | None) -> bool:
    """Whether git would name the bytes of a file so. `size` is that of the blob; None if this clone lacks it."""
    digest = hashlib.sha256() if len(blob) == 64 else hashlib.sha1(usedforsecurity=False)
    try:
        with disk.open_for_reading(file) as stream:
            there = os.fstat(stream.fileno()).st_size
            if size not in (None, there):
                return False
            digest.update(b"blob %d\0" % there)
            while chunk := stream.read(1 << 20):
                digest.update(chunk)
    except OSError:
        return False
    return digest.hexdigest() == blob
