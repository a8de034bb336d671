"""The images that answer each recipe: one small file of JSON lines per recipe key, oldest first."""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Collection, Iterator
from pathlib import Path

from reconciler.core.digest import RECIPE_PREFIX, ContentHash, RecipeKey, hex_of
from reconciler.core.ports import StoredImage
from reconciler.core.recipe_record import decode_record, encode_record
from reconciler.core.value import replace
from reconciler.store import disk

_KEY = re.compile(r"r[0-9]+:[0-9a-f]{64}")
_STRIPES = 16
_MOST = 8 << 20
"""Bytes of one recipe's file: 20,000 images."""


class RecipeIndex:
    """`recipes/ab/<hex>.jsonl`. A line that it cannot read (torn, or of a newer version) is skipped and kept."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._locks = tuple(threading.Lock() for _ in range(_STRIPES))

    def remember(self, key: RecipeKey, stored: StoredImage, *, durable: bool = True) -> StoredImage:
        """Add a record, and return it. An earlier record of the same content stays, and is returned; another attempt
        that got these bytes is added. Durable once this returns; the first record of a recipe only if it should be.
        """
        path = self._path(key)
        with self._locks[int(hex_of(key)[:2], 16) % _STRIPES]:
            known = _bytes(path)
            first = next((line for line in _merged(known) if line.content == stored.content), None)
            if first is not None and (not stored.attempt or stored.attempt in (first.attempt, *first.repeats)):
                self.secure(key)
                return first
            disk.make_dirs(path.parent)
            torn = b"\n" if known and not known.endswith(b"\n") else b""
            line = stored if first is None else replace(first, attempt=stored.attempt, made=stored.made)
            write = disk.write_atomic if durable or known else disk.write_cache
            write(path, known + torn + encode_record(line))
            return stored if first is None else first

    def secure(self, key: RecipeKey) -> None:
        """Make the records of a recipe durable: a crashed run may have renamed the file without a sync."""
        path = self._path(key)
        if disk.is_plain(path):
            disk.sync_file(path)
        disk.fsync_dir(path.parent)

    def recall(self, key: RecipeKey) -> tuple[StoredImage, ...]:
        """Every image recorded for this recipe, also those whose bytes are gone."""
        return _merged(_bytes(self._path(key)))

    def folders(self) -> frozenset[str]:
        """The names of the folders with records: the first two digits of recipes."""
        try:
            return frozenset(os.listdir(self._directory))
        except OSError:  # there are no records yet, or `recall` says what is wrong
            return frozenset() if not os.path.lexists(self._directory) else frozenset(f"{n:02x}" for n in range(256))

    def everything(self) -> Iterator[tuple[RecipeKey, StoredImage]]:
        """Every record, in the order of recipe keys: an image that several attempts got has one for each."""
        for path in self._files():
            key = RecipeKey(RECIPE_PREFIX + path.stem)
            if _KEY.fullmatch(key):
                yield from ((key, image) for image in _decoded(_bytes(path)))

    def forget(self, contents: Collection[ContentHash]) -> None:
        """Delete the records of these contents from all files; a file without records is deleted."""
        for path in self._files():
            lines = _bytes(path).splitlines(keepends=True)
            kept = [line for line in lines if (image := decode_record(line)) is None or image.content not in contents]
            if not kept:
                disk.remove(path)
            elif len(kept) < len(lines):
                disk.write_atomic(path, b"".join(kept))

    def _files(self) -> list[Path]:
        """The file of every recipe, in order; links are none."""
        return [path for path in sorted(self._directory.glob("[0-9a-f][0-9a-f]/*.jsonl")) if disk.is_plain(path)]

    def _path(self, key: RecipeKey) -> Path:
        if not _KEY.fullmatch(key):
            raise ValueError(f"not a recipe key: {key!r}")
        digits = hex_of(key)
        folder = self._directory / digits[:2]
        disk.refuse_link(folder)
        return folder / f"{digits}.jsonl"


def _bytes(path: Path) -> bytes:
    with disk.naming_errors("read", path):
        try:
            return disk.plain_bytes(path, most=_MOST)
        except (FileNotFoundError, NotADirectoryError):
            return b""


def _merged(known: bytes) -> tuple[StoredImage, ...]:
    """The images, each once with all its attempts."""
    images: dict[ContentHash, StoredImage] = {}
    for line in _decoded(known):
        first = images.setdefault(line.content, line)
        if first is not line and line.attempt:
            images[line.content] = replace(first, repeats=(*first.repeats, line.attempt))
    return tuple(images.values())


def _decoded(known: bytes) -> tuple[StoredImage, ...]:
    return tuple(image for line in known.split(b"\n") if (image := decode_record(line)) is not None)
