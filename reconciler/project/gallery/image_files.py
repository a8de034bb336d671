"""Find the bytes of images by content: in the working tree, in the store, in Git LFS, in git. Changes nothing."""

from __future__ import annotations

import mmap
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from reconciler.core.digest import ContentHash
from reconciler.core.images.magic import HEAD, begins_as_image
from reconciler.core.images.sniff import ImageFacts, sniff
from reconciler.core.ports import ProjectStore, Source
from reconciler.store import disk
from reconciler.store.worktree.lfs_pointer import LFS_POINTER_LIMIT

_MOST_BYTES = 256 << 20
"""The most bytes of a file that is read for a page."""


class ImageFiles:
    """The files of the images of one project.

    `here` are the paths in the working tree at which a content was observed, and `locked` those that it was locked for.
    `sources` are asked in their order, after the working tree and the store.
    """

    def __init__(
        self,
        root: Path,
        store: ProjectStore,
        *,
        here: Mapping[ContentHash, str],
        locked: Mapping[ContentHash, str],
        sources: Sequence[Source] = (),
    ) -> None:
        self._root = Path(os.path.realpath(root))
        self._store = store
        self._here = here
        self._locked = locked
        self._sources = sources

    def lasting(self, content: ContentHash) -> Path | None:
        """A file that a page can link to: an output, a reference, a derived file, or an object of the store."""
        path = self._here.get(content)
        if path is not None and _is_image(self._root / path):
            return self._root / path
        return self._store.find(content)

    def fetch(self, content: ContentHash) -> Path | None:
        """A file with exactly these bytes, hashed just now; None if there is none. A source may copy it out of git."""
        path = self._here.get(content)
        if path is not None and disk.holds(self._root / path, content):
            return self._root / path
        found = self._store.sound(content)
        if found is not None:
            return found
        locked_for = self._locked.get(content, path or "")
        files = (source.fetch(content, locked_for) for source in self._sources)
        return next((file for file in files if file is not None), None)


def image_facts(path: Path) -> ImageFacts | None:
    """The header of an image file; None for any other file."""
    try:
        if not 0 < _size(path) <= _MOST_BYTES:
            return None
        with disk.open_for_reading(path) as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            found = sniff(data)
    except (OSError, ValueError):
        return None
    return found if isinstance(found, ImageFacts) else None


def _is_image(path: Path) -> bool:
    """Whether a file is there that is no Git LFS pointer; a small file is looked at."""
    size = _size(path)
    if size > LFS_POINTER_LIMIT or not size:
        return bool(size)
    try:
        with disk.open_for_reading(path) as file:
            return begins_as_image(file.read(HEAD))
    except OSError:
        return False


def _size(path: Path) -> int:
    try:
        return os.stat(path).st_size
    except OSError:
        return 0
