"""The images that answer each recipe: one small file of JSON lines per recipe key, oldest first."""

from __future__ import annotations

import json
import os
import re
import threading
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

from reconciler.core.digest import RECIPE_PREFIX, ContentHash, Json, RecipeKey, hex_of
from reconciler.core.errors import LockfileError
from reconciler.core.fit import Misfit
from reconciler.core.images.sniff import FORMATS, ImageFacts
from reconciler.core.lock.entry import Made, read_made
from reconciler.core.lock.json_shape import a_content, shallow
from reconciler.core.money.cost import parse_cost
from reconciler.core.ports import StoredImage
from reconciler.core.value import replace
from reconciler.store import disk

RECORD_VERSION = 2
"""Version 1 has no `misfit`, no `original` and no `made.via`. A line that it can hold is written in version 1: an older
reconciler skips the others, and would take the image of any of them for one that fits."""
_KEY = re.compile(r"r[0-9]+:[0-9a-f]{64}")
_STRIPES = 16
_MOST = 8 << 20
"""Bytes of one recipe's file: 20,000 images."""


class RecipeIndex:
    """`recipes/ab/<hex>.jsonl`. A line that it cannot read (torn, or of a newer version) is skipped and kept."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._locks = tuple(threading.Lock() for _ in range(_STRIPES))

    def remember(self, key: RecipeKey, stored: StoredImage) -> StoredImage:
        """Add a record, and return it. An earlier record of the same content stays, and is returned; another attempt
        that got these bytes is added. Durable once this returns."""
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
            disk.write_atomic(path, known + torn + encode_record(line))
            return stored if first is None else first

    def secure(self, key: RecipeKey) -> None:
        """Make the records of a recipe durable: a crashed run may have renamed the file without a sync."""
        disk.fsync_dir(self._path(key).parent)

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


def encode_record(stored: StoredImage) -> bytes:
    """One line, in ASCII: a provider may have sent text that UTF-8 cannot encode."""
    image, made = stored.image, stored.made
    line: dict[str, Json] = {
        "schema": 1 if stored.misfit is None and stored.original is None and not made.via else RECORD_VERSION,
        "content": stored.content,
        "image": {"bytes": image.size, "format": image.format, "height": image.height, "width": image.width},
        "made": {
            "at": made.at,
            "cost": made.cost,
            "model": made.model,
            "provider": made.provider,
            "request": made.request,
            "usage": dict(made.usage),
            **({"edited": made.edited} if made.edited is not None else {}),
            **({"via": made.via} if made.via else {}),
        },
    }
    if stored.attempt:
        line["attempt"] = stored.attempt
    if stored.original is not None:
        line["original"] = stored.original
    if stored.misfit is not None:
        wrong = stored.misfit
        line["misfit"] = {
            "fault": wrong.fault,
            "words": wrong.message,
            "transparent": wrong.transparent,
            "recipe": dict(wrong.recipe),
        }
    return json.dumps(line, separators=(",", ":")).encode() + b"\n"


def decode_record(line: bytes) -> StoredImage | None:
    """The image of one line, or None if this version cannot read it."""
    try:
        value = json.loads(line)
        if value["schema"] not in (1, RECORD_VERSION):
            return None
        return StoredImage(
            a_content(_text(value["content"]), "content"),
            _image(value["image"]),
            _made(value["made"]),
            _text(value.get("attempt", "")),
            _misfit(value["misfit"]) if "misfit" in value else None,
            a_content(_text(value["original"]), "original") if "original" in value else None,
        )
    except (LockfileError, ValueError, KeyError, TypeError, RecursionError):
        return None


def _image(value: Mapping[str, Json]) -> ImageFacts:
    facts = ImageFacts(_text(value["format"]), _size(value["width"]), _size(value["height"]), _size(value["bytes"]))
    if facts.format not in FORMATS:
        raise ValueError("not a format of ours")
    return facts


def _misfit(value: Mapping[str, Json]) -> Misfit:
    recipe, transparent = value["recipe"], value["transparent"]
    if not isinstance(recipe, dict) or not isinstance(transparent, bool):
        raise TypeError("not a misfit")
    shallow(recipe, "recipe")
    return Misfit(_text(value["fault"]), _text(value["words"]), transparent, recipe)


def _made(value: Json) -> Made:
    """Our own words must be as we write them. A provider's may be any: it was paid, and who shows them escapes them."""
    made = read_made(value)
    if not (made.provider and f"{made.provider}{made.at}{made.cost}".isprintable()):
        raise ValueError("not written here")
    if made.cost and parse_cost(made.cost) is None:
        raise ValueError("not a price")
    return made


def _text(value: Json) -> str:
    if not isinstance(value, str):
        raise TypeError("not a text")
    return value


def _size(value: Json) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise TypeError("not a size")
    return value


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
