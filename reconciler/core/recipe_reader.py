"""Read a recipe back from its manifest, as one that was submitted and is answered later."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reconciler.core.digest import ContentHash, Json
from reconciler.core.errors import LockfileError
from reconciler.core.lock.json_shape import shallow
from reconciler.core.recipe import KEYED_FIELDS, RECIPE_FIELDS, SINGLE_FIELDS, ImagePart, Recipe, TextPart, Turn


def recipe_of(manifest: Mapping[str, Json]) -> Recipe | None:
    """The recipe whose manifest this is; None for anything else. Its prompt is in the normal form."""
    if not manifest.keys() <= set(RECIPE_FIELDS):
        return None
    try:
        shallow(manifest, "recipe")
        fields = {name: _field(name, value) for name, value in manifest.items()}
        recipe = Recipe(**{"prompt": "", **fields})
        return recipe if recipe.manifest() == dict(manifest) else None
    except (LockfileError, ValueError, TypeError, KeyError, AttributeError):
        return None


def _field(name: str, value: Json) -> Any:
    if name in SINGLE_FIELDS:
        return value
    if name in KEYED_FIELDS:
        return dict(value) if isinstance(value, dict) else _text(None)
    if name == "mask":
        return ContentHash(_text(value))
    if not isinstance(value, list):
        raise TypeError(name)
    if name == "references":
        return tuple(ContentHash(_text(each)) for each in value)
    return tuple(_turn(each) for each in value)


def _turn(value: Json) -> Turn:
    if not isinstance(value, dict):
        raise TypeError("turns")
    return Turn(_text(value["role"]), tuple(map(_part, value["parts"])))


def _part(value: Mapping[str, Json]) -> TextPart | ImagePart:
    return ImagePart(ContentHash(_text(value["image"]))) if "image" in value else TextPart(_text(value["text"]))


def _text(value: Json) -> str:
    if not isinstance(value, str):
        raise TypeError("not a text")
    return value
