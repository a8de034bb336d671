"""The line that says that an image answers a recipe. It is frozen: stores keep it, and receipts of a team sign it."""

from __future__ import annotations

import json
from collections.abc import Mapping

from reconciler.core.digest import Json
from reconciler.core.errors import LockfileError
from reconciler.core.fit import Misfit
from reconciler.core.images.sniff import FORMATS, ImageFacts
from reconciler.core.lock.entry import Made, read_made
from reconciler.core.lock.json_shape import a_content, shallow
from reconciler.core.money.cost import parse_cost
from reconciler.core.ports import StoredImage

RECORD_VERSION = 2
"""Version 1 has no `misfit`, no `original` and no `made.via`. A line that it can hold is written in version 1: an older
reconciler skips the others, and would take the image of any of them for one that fits."""


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
