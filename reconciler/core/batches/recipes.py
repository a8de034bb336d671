"""The recipes of a batch, which its images are compared with, whatever the specs say when they come."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from reconciler.core.digest import Json, RecipeKey
from reconciler.core.lock.json_shape import compact_json
from reconciler.core.recipe import Recipe
from reconciler.core.recipe_reader import recipe_of
from reconciler.core.value import value

RECIPES_VERSION = 1


@value
class BatchedRecipe:
    """The recipe of one request, and the size in pixels that it asks for, if any."""

    recipe: Recipe
    asked: tuple[int, int] | None = None


def encode_recipes(recipes: Mapping[str, BatchedRecipe]) -> bytes:
    """The recipes by attempt, as JSON."""
    listed: dict[str, Json] = {
        attempt: {"recipe": one.recipe.manifest(), **({"asked": one.asked} if one.asked else {})}
        for attempt, one in recipes.items()
    }
    return compact_json({"batch": RECIPES_VERSION, "requests": listed}).encode()


def decode_recipes(text: bytes, keys: Mapping[str, RecipeKey]) -> dict[str, BatchedRecipe]:
    """The recipes of these attempts. One that does not have the key of its attempt is left out."""
    try:
        root = json.loads(text) if text else {}
    except (ValueError, RecursionError):
        root = {}
    listed = root.get("requests") if isinstance(root, dict) and root.get("batch") == RECIPES_VERSION else None
    found: dict[str, BatchedRecipe] = {}
    for attempt, key in keys.items():
        given = listed.get(attempt) if isinstance(listed, dict) else None
        told = given if isinstance(given, dict) else {}
        manifest = told.get("recipe")
        recipe = recipe_of(manifest) if isinstance(manifest, dict) else None
        if recipe is not None and recipe.key() == key:
            found[attempt] = BatchedRecipe(recipe, _asked(told.get("asked")))
    return found


def _asked(value: Any) -> tuple[int, int] | None:
    match value:
        case [int(width), int(height)] if 0 < width < 10**6 and 0 < height < 10**6:
            return width, height
        case _:
            return None
