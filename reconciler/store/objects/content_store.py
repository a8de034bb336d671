"""Keep every byte that was paid for, by its content, and say which bytes answer a recipe."""

from __future__ import annotations

import hashlib
import os
import re
import stat
from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO

from reconciler.core.digest import ContentHash, RecipeKey, content_of_hex, hex_of
from reconciler.core.errors import DiskError
from reconciler.core.images.sniff import ImageFacts, NotAnImage, sniff
from reconciler.core.outcome import Spooled
from reconciler.core.ports import Damaged, Store, StoredImage
from reconciler.store import disk
from reconciler.store.objects.recipe_index import RecipeIndex
from reconciler.store.objects.spool import SpoolDir
from reconciler.store.state.state_dir import make_state_dir, state_dir

_CONTENT = re.compile(r"sha256:[0-9a-f]{64}")


class ContentStore:
    """`.reconciler/store/` of the project at `root`: `objects/ab/<64 hex>`, `recipes/ab/<64 hex>.jsonl`, `spool/`.

    A Store and a Spool. Nothing is created before the first write. `shelters` are the directories where paid bytes go
    that this disk refuses, best first; by default the temporary directory, then the working directory.
    """

    def __init__(self, root: Path, *, shelters: tuple[Path, ...] = ()) -> None:
        self._root = root
        store = state_dir(root) / "store"
        self._objects = store / "objects"
        self._recipes = RecipeIndex(store / "recipes")
        temporary = os.environ.get("TMPDIR") or "/tmp"  # noqa: S108 - a rescue file never follows a link that waits there
        self._spool = SpoolDir(store / "spool", shelters or (Path(temporary), Path.cwd()))

    def open(self) -> tuple[Path, IO[bytes]]:
        """A new spool file. What it cannot take goes on in a rescue file; `put` then says where."""
        make_state_dir(self._root)
        return self._spool.open()

    def open_paid(self) -> tuple[Path, IO[bytes]]:
        """The same for bytes that are paid for already: elsewhere where this disk refuses; `put` then says where."""
        with suppress(DiskError):  # what is refused here is refused there, and said there
            make_state_dir(self._root)
        return self._spool.open_paid()

    def put(self, spooled: Spooled) -> Path:
        """Take the file over. Durable once this returns: a crash after it never pays twice.

        If the disk refuses, the DiskError names the file that holds the paid bytes.
        """
        try:
            return self._take(spooled)
        except DiskError as error:
            safe = self.rescue(spooled)
            raise DiskError(
                f"{error.fact}; the paid bytes are in {disk.display_path(safe)}", hint=error.hint
            ) from error

    def put_file(self, path: Path) -> ContentHash:
        """Copy a person's file in; the hash is of the very bytes copied. Durable once this returns."""
        spool, out = self.open()
        try:
            with out:
                content, size = _copy(path, out)
            self._take(Spooled(spool, content, size))
        except BaseException:
            self._spool.drop(spool)
            raise
        return content

    def remember(self, key: RecipeKey, stored: StoredImage) -> StoredImage:
        """Record that these bytes answer this recipe; as it is remembered, which is as it was first. Durable once this
        returns."""
        make_state_dir(self._root)
        return self._recipes.remember(key, stored)

    def secure(self, key: RecipeKey) -> None:
        """What is remembered of this recipe is durable once this returns, even if the run that remembered it died."""
        self._recipes.secure(key)

    def find(self, content: ContentHash) -> Path | None:
        """The file with these bytes, or None. Foreign text that is no content hash is never found."""
        if not _CONTENT.fullmatch(content):
            return None
        path = self._object(content)
        return path if os.path.isfile(path) else None

    def sound(self, content: ContentHash) -> Path | None:
        """The same, if its bytes are what its name says now: a disk rots, and another program writes."""
        path = self.find(content)
        return path if path is not None and disk.holds(path, content) else None

    def recall(self, key: RecipeKey) -> tuple[StoredImage, ...]:
        """What answers this recipe, oldest first; only what the store still holds, and is the image that it should be.

        The memory is a file, and somebody may have written it.
        """
        return tuple(image for image in self._recipes.recall(key) if self._image(image.content) == image.image)

    def remembered(self) -> Iterator[tuple[RecipeKey, StoredImage]]:
        """Every image that ever answered a recipe here, whether or not its bytes are still there."""
        return self._recipes.everything()

    def contents(self) -> Iterator[ContentHash]:
        """Everything the store holds, in order."""
        with disk.naming_errors("list", self._objects):
            for path in sorted(self._objects.glob("[0-9a-f][0-9a-f]/*")):
                content = content_of_hex(path.name)
                if _CONTENT.fullmatch(content) and path == self._object(content):
                    yield content

    def verify(self) -> Iterator[Damaged]:
        """Hash everything again; the damaged objects, which are left as they are."""
        for content in self.contents():
            path = self._object(content)
            try:
                found = disk.file_hash(path)
            except OSError:
                yield Damaged(content, path, None)
                continue
            if found != content:
                yield Damaged(content, path, found)

    def size(self, content: ContentHash) -> int:
        """Bytes on the disk; 0 for what is not here."""
        try:
            return os.stat(self._object(content)).st_size
        except OSError:
            return 0

    def drop(self, contents: Collection[ContentHash]) -> tuple[ContentHash, ...]:
        """Remove objects and what is remembered of them; those that are gone. Ask under the apply lock."""
        gone = tuple(content for content in contents if disk.remove(self._object(content)))
        self._recipes.forget(frozenset(gone))
        return gone

    def folders(self) -> Iterator[Path]:
        """Every directory in which a dead run may have left a temp file."""
        yield self._objects.parent.parent
        yield from sorted(self._objects.parent.glob("*/[0-9a-f][0-9a-f]"))

    def rescue(self, spooled: Spooled) -> Path:
        """Bring paid bytes that the store cannot take to a safe place, and name it; at worst, where they still are."""
        return self._spool.rescue(spooled, kept=self._object(spooled.content))

    def leftovers(self) -> tuple[Path, ...]:
        """Spool files of dead runs: answers, whole or in part, that were never stored. Ask under the apply lock."""
        return self._spool.leftovers()

    def _image(self, content: ContentHash) -> ImageFacts | NotAnImage | None:
        path = self.find(content)
        try:
            return None if path is None else sniff(path.read_bytes())
        except OSError:  # what cannot be read is not offered
            return None

    def _take(self, spooled: Spooled) -> Path:
        """Rename into place, even over an equal object: these bytes were hashed just now, those may have rotted."""
        make_state_dir(self._root)
        target = self._object(spooled.content)
        self._spool.secure(spooled)
        disk.make_dirs(target.parent)
        disk.rename_over(spooled.path, target)
        return target

    def _object(self, content: ContentHash) -> Path:
        digits = hex_of(content)
        return self._objects / digits[:2] / digits


def _copy(path: Path, out: IO[bytes]) -> tuple[ContentHash, int]:
    with disk.naming_errors("read", path), disk.opened(path, os.O_RDONLY | os.O_NONBLOCK) as fd:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            raise DiskError(f"{disk.display_path(path)} is not a plain file")
        digest, size = hashlib.sha256(), 0
        while chunk := os.read(fd, disk.DISK_CHUNK):
            digest.update(chunk)
            size += out.write(chunk)
    return content_of_hex(digest.hexdigest()), size


class RecalledImages(Mapping[RecipeKey, tuple[StoredImage, ...]]):
    """What the store holds for a recipe, looked up when asked."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def __getitem__(self, key: RecipeKey) -> tuple[StoredImage, ...]:
        return self._store.recall(key)

    def __iter__(self) -> Iterator[RecipeKey]:
        return iter(())

    def __len__(self) -> int:
        return 0
