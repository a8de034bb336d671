"""Place and remove the image files of a project without losing an edit of the user."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from reconciler.core.digest import ContentHash
from reconciler.core.errors import DiskError
from reconciler.core.images.magic import HEAD, image_format
from reconciler.core.ports import InTheWay, Objects, Placed, Source
from reconciler.core.specs.paths import suffix_format
from reconciler.store import disk
from reconciler.store.worktree.lfs_pointer import LFS_POINTER_LIMIT, lfs_oid
from reconciler.store.worktree.publish import DamagedSource, Foreign, publish, remove_file, source_head


class OutputTree:
    """The image files below a project's root. Implements core.ports.Outputs."""

    def __init__(self, root: Path, store: Objects, source: Source, *, specs: str = "") -> None:
        self.root = root
        self.specs = specs
        self.store = store
        self.source = source
        self._placed: set[tuple[int, int]] = set()
        self._vacated: set[Path] = set()

    def fetch(self, content: ContentHash, path: str) -> Path | None:
        """A file that holds exactly these bytes now."""
        file = self.root / path
        if self._holds(file, content):
            return file
        return self.source.fetch(content, path)

    def place(
        self, content: ContentHash, path: str, *, expect: ContentHash | None, locked_for: str
    ) -> Placed | InTheWay:
        """See core.ports.Outputs."""
        target = self.root / path
        if self._holds(target, content):
            return self._done(target)
        unread = self.store.find(content)
        with suppress(DamagedSource):  # it is hashed while it is copied: hashed before, it would be read twice
            if unread is not None and _format(unread) == suffix_format(path):
                return self._published(unread, target, content, expect)
        source = self._safe(content, locked_for)
        if source is None:
            failure = self.source.failure(locked_for)
            because = f": {failure.fact}" if failure is not None else ""
            raise DiskError(
                f"no source has the locked bytes of {path} ({content}){because}",
                hint=failure.hint if failure is not None else "",
            )
        self._refuse_other(source, path)
        return self._published(source, target, content, expect)

    def _published(
        self, source: Path, target: Path, content: ContentHash, expect: ContentHash | None
    ) -> Placed | InTheWay:
        """Copy a file to the target. Bytes that it replaces go to the store first. Raises DamagedSource, DiskError."""
        bytes_there = expect
        if expect is not None:
            bytes_there = self._preserve(target)
            if bytes_there is not None and bytes_there != expect and self._pointed(target) == expect:
                expect = bytes_there  # a Git LFS pointer stands for the content it names
        placed = publish(source, target, content=content, expect=expect, root=self.root, specs=self.specs)
        return InTheWay(placed.found) if isinstance(placed, Foreign) else self._done(target)

    def vacate(self, path: str, *, expect: ContentHash) -> Placed | InTheWay:
        """See core.ports.Outputs."""
        target = self.root / path
        if self._is_placed(target):
            return Placed()
        there = self._preserve(target)
        if there is not None and there != expect and self._pointed(target) == expect and self._keep(expect, path):
            expect = there  # a Git LFS pointer stands for the content it names
        if there is None and not os.path.lexists(target):
            return Placed()
        if there != expect:
            return InTheWay(there)
        if self._pointed(target) is None:
            self._refuse_other(target, path)
        gone = remove_file(target, expect=expect, root=self.root, specs=self.specs)
        if isinstance(gone, Foreign):
            return InTheWay(gone.found)
        self._vacated.add(target.parent)
        return Placed()

    def remove_emptied_folders(self) -> None:
        """Remove the folders that `vacate` left empty, and those above that this empties. While files are being placed,
        one of them could be about to use such a folder."""
        for folder in sorted(self._vacated, reverse=True):
            while folder != self.root and self.root in folder.parents:
                try:
                    folder.rmdir()
                except OSError:  # not empty, or not ours to remove
                    break
                folder = folder.parent
        self._vacated.clear()

    def _refuse_other(self, file: Path, path: str) -> None:
        """DiskError if a file does not begin as an image of the format in its name: the lockfile may be false."""
        found = _format(file)
        if found != suffix_format(path):
            raise DiskError(
                f"{path} is locked with bytes that are {found or 'no image'}",
                hint="they are not put in place, moved or removed: take the entry out of assets.lock",
            )

    def _done(self, target: Path) -> Placed:
        with disk.naming_errors("look at", target):
            found = target.stat()
        self._placed.add((found.st_dev, found.st_ino))
        return Placed()

    def _is_placed(self, target: Path) -> bool:
        """Whether this file was placed in this run, under another spelling of its path."""
        try:
            found = target.stat()
        except OSError:
            return False
        return (found.st_dev, found.st_ino) in self._placed

    def _safe(self, content: ContentHash, path: str) -> Path | None:
        """A file with these bytes that stays while it is read: another step may be moving the file at the path."""
        found = self.store.sound(content)
        if found is not None:
            return found
        if self._holds(self.root / path, content):
            self.store.put_file(self.root / path)
        return self.source.fetch(content, path)

    def _keep(self, content: ContentHash, path: str) -> bool:
        """Copy these bytes into the store from any source; False if no source has them."""
        source = self._safe(content, path)
        if source is not None and self.store.sound(content) is None:
            self.store.put_file(source)
        return source is not None

    def _preserve(self, file: Path) -> ContentHash | None:
        """Copy a file that is about to be replaced into the store; its content."""
        if not file.is_file() or file.is_symlink():
            return None
        with disk.naming_errors("read", file):
            content = disk.file_hash(file)
        if self.store.sound(content) is None:
            content = self.store.put_file(file)
        return content

    def _pointed(self, file: Path) -> ContentHash | None:
        with disk.naming_errors("read", file), disk.open_for_reading(file) as stream:
            return lfs_oid(stream.read(LFS_POINTER_LIMIT + 1))

    def _holds(self, file: Path, content: ContentHash) -> bool:
        return not file.is_symlink() and disk.holds(file, content)


def _format(file: Path) -> str:
    """The format that a file begins as. Raises DamagedSource if it cannot be read."""
    return image_format(source_head(file, HEAD))
