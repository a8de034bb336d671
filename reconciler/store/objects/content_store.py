"""The content-addressed store of paid images, and the recipes that they answer."""

from __future__ import annotations

import hashlib
import os
import re
import stat
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import cached_property
from pathlib import Path
from typing import IO, cast

from reconciler.core.digest import ContentHash, RecipeKey, content_of_hex, hex_of
from reconciler.core.errors import DiskError
from reconciler.core.images.sniff import ImageFacts, NotAnImage, sniff
from reconciler.core.outcome import Spooled
from reconciler.core.ports import Damaged, ProjectStore, Spool, StoredImage
from reconciler.core.value import replace
from reconciler.store import disk
from reconciler.store.objects.recipe_index import RecipeIndex
from reconciler.store.objects.spool import AttemptSpool, SpoolDir
from reconciler.store.state.state_dir import make_state_dir, state_dir

_CONTENT = re.compile(r"sha256:[0-9a-f]{64}")


class ContentStore:
    """`.reconciler/store/` of the project at `root`: `objects/ab/<64 hex>`, `recipes/ab/<64 hex>.jsonl`, `spool/`.

    A core.ports.ProjectStore. Nothing is created before the first write. `shelters` are the directories for paid bytes
    that this disk refuses, best first; by default the temporary directory, then the working directory.
    """

    def __init__(self, root: Path, *, shelters: tuple[Path, ...] = ()) -> None:
        self._root = root
        store = state_dir(root) / "store"
        self._objects = store / "objects"
        self._recipes = RecipeIndex(store / "recipes")
        temporary = os.environ.get("TMPDIR") or "/tmp"  # noqa: S108 - a rescue file never follows a link that waits there
        self._spool = SpoolDir(store / "spool", shelters or (Path(temporary), Path.cwd()))

    def open(self, attempt: str = "") -> tuple[Path, IO[bytes]]:
        """A new spool file. If the disk refuses bytes, a rescue file continues it; `put` then names that."""
        make_state_dir(self._root)
        return self._spool.open(attempt)

    def open_paid(self, attempt: str = "") -> tuple[Path, IO[bytes]]:
        """The same for bytes that are paid for already: in a shelter if this disk refuses; `put` then names it."""
        with suppress(DiskError):  # `open_paid` meets the same error, and reports it
            make_state_dir(self._root)
        return self._spool.open_paid(attempt)

    def for_attempt(self, attempt: str) -> Spool:
        """See core.ports.Spool."""
        return AttemptSpool(self, attempt)

    def put(self, spooled: Spooled) -> Path:
        """Take over a spool file. Durable once this returns: after a crash, nothing is paid for twice.

        If the disk refuses, the DiskError names the file that holds the bytes.
        """
        try:
            return self._take(spooled)
        except DiskError as error:
            safe = self.rescue(spooled)
            raise DiskError(f"{error.fact}; {spooled.called} in {disk.display_path(safe)}", hint=error.hint) from error

    def put_file(self, path: Path) -> ContentHash:
        """Copy a file of the user in; the hash is of the bytes copied. Durable once this returns."""
        with self._opened_copy() as (spool, out):
            with out:
                content, size = _copy(path, out)
            self._take(Spooled(spool, content, size))
        return content

    def put_copy(self, content: ContentHash, fetch: Callable[[IO[bytes]], bool]) -> ContentHash | None:
        """Copy bytes in that another place keeps: nothing is rescued from a disk that refuses them.

        See core.ports.Objects.
        """
        with self._opened_copy() as (spool, out):
            sink = _HashingSink(out)
            with out:
                there = fetch(cast("IO[bytes]", sink))
            found = content_of_hex(sink.digest.hexdigest()) if there else None
            if found == content:
                self._take(Spooled(spool, content, sink.size))
            else:
                self._spool.drop(spool)
        return found

    def remember(self, key: RecipeKey, stored: StoredImage, *, durable: bool = True) -> StoredImage:
        """Record that these bytes answer this recipe, and return the record: the earlier one, if there is one. Durable
        once this returns, unless it is a first record that the caller can have again."""
        make_state_dir(self._root)
        return self._recipes.remember(key, stored, durable=durable)

    def secure(self, key: RecipeKey) -> None:
        """Make the records of a recipe durable, also those of a crashed run."""
        self._recipes.secure(key)

    def find(self, content: ContentHash) -> Path | None:
        """The file with these bytes, or None; None also for text that is no content hash."""
        if not _CONTENT.fullmatch(content):
            return None
        path = self._object(content)
        return path if disk.is_plain(path) else None

    def sound(self, content: ContentHash) -> Path | None:
        """The same, if its bytes have the hash in its name: disks fail, and other programs write."""
        path = self.find(content)
        return path if path is not None and disk.holds(path, content) else None

    def recall(self, key: RecipeKey, *, only: ContentHash | None = None) -> tuple[StoredImage, ...]:
        """The images that answer this recipe, oldest first; only those whose bytes are here, with the recorded facts.

        The record is a file that another program may have written. `only` names the one image to look for.
        """
        recorded = (image for image in self._recipes.recall(key) if only in (None, image.content))
        return tuple(image for image in recorded if self._is(image.content, image.image))

    def recipe_folders(self) -> frozenset[str]:
        """The first two digits of the recipes that have records."""
        return self._recipes.folders()

    def remembered(self) -> Iterator[tuple[RecipeKey, StoredImage]]:
        """Every image that ever answered a recipe here, also those whose bytes are gone."""
        return self._recipes.everything()

    def contents(self) -> Iterator[ContentHash]:
        """Every object, in order."""
        with disk.naming_errors("list", self._objects):
            for path in sorted(self._objects.glob("[0-9a-f][0-9a-f]/*")):
                content = content_of_hex(path.name)
                if _CONTENT.fullmatch(content) and path == self._object(content):
                    yield content

    def verify(self) -> Iterator[Damaged]:
        """Hash every object again; the damaged ones, which are left as they are."""
        for content in self.contents():
            path = self._object(content)
            try:
                found = disk.plain_hash(path)
            except (OSError, DiskError):
                yield Damaged(content, path, None)
                continue
            if found != content:
                yield Damaged(content, path, found)

    def size(self, content: ContentHash) -> int:
        """Bytes of an object; 0 if it is absent."""
        try:
            return os.stat(self._object(content)).st_size
        except OSError:
            return 0

    def drop(self, contents: Collection[ContentHash]) -> tuple[ContentHash, ...]:
        """Delete objects and their records; the objects that were deleted. Call it under the apply lock."""
        gone = tuple(content for content in contents if disk.remove(self._object(content)))
        self._recipes.forget(frozenset(gone))
        return gone

    def folders(self) -> Iterator[Path]:
        """Every directory that may hold temporary files of crashed runs."""
        yield self._objects.parent.parent
        yield from sorted(self._objects.parent.glob("*/[0-9a-f][0-9a-f]"))

    def rescue(self, spooled: Spooled) -> Path:
        """Move paid bytes that the store refuses to a safe place, and return it; at worst, the place where they are."""
        return self._spool.rescue(spooled, kept=self._object(spooled.content))

    def leftovers(self) -> tuple[Path, ...]:
        """Spool files of crashed runs: complete or partial responses. Call it under the apply lock."""
        return self._spool.leftovers()

    @contextmanager
    def _opened_copy(self) -> Iterator[tuple[Path, IO[bytes]]]:
        """A spool file for bytes that are elsewhere, too. After an error it is deleted."""
        spool, out = self.open()
        try:
            yield spool, out
        except BaseException:
            self._spool.drop(spool)
            raise

    def _is(self, content: ContentHash, recorded: ImageFacts) -> bool:
        """Whether an object is as recorded, perhaps by a version that did not apply the orientation."""
        found = self._image(content)
        turned = replace(recorded, width=recorded.height, height=recorded.width)
        return found in (recorded, turned)

    def _image(self, content: ContentHash) -> ImageFacts | NotAnImage | None:
        path = self.find(content)
        try:
            return None if path is None else sniff(path.read_bytes())
        except OSError:  # an unreadable object is not offered
            return None

    def _take(self, spooled: Spooled) -> Path:
        """Rename into place, also over an equal object: these bytes were hashed just now, those may be damaged."""
        make_state_dir(self._root)
        target = self._object(spooled.content)
        self._spool.secure(spooled)
        disk.refuse_link(target.parent)
        disk.make_dirs(target.parent)
        disk.rename_over(spooled.path, target)
        return target

    def _object(self, content: ContentHash) -> Path:
        digits = hex_of(content)
        return self._objects / digits[:2] / digits


class _HashingSink:
    """A stream that hashes what it passes on."""

    def __init__(self, out: IO[bytes]) -> None:
        self._out = out
        self.digest = hashlib.sha256()
        self.size = 0

    def write(self, data: bytes) -> int:
        self.digest.update(data)
        self.size += len(data)
        return self._out.write(data)


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
    """The images of a store by recipe, looked up on access; of a store in which nothing is recorded meanwhile."""

    def __init__(self, store: ProjectStore) -> None:
        self._store = store

    @cached_property
    def _folders(self) -> frozenset[str]:
        return self._store.recipe_folders()

    def __getitem__(self, key: RecipeKey) -> tuple[StoredImage, ...]:
        return self._store.recall(key) if hex_of(key)[:2] in self._folders else ()

    def __iter__(self) -> Iterator[RecipeKey]:
        return iter(())

    def __len__(self) -> int:
        return 0
