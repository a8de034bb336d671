"""Numbers that follow from a recipe: its seed, and the ids of its attempts at a free provider."""

from __future__ import annotations

import hashlib

from reconciler.core.digest import RecipeKey


def recipe_seed(key: RecipeKey) -> int:
    """63 bits of the recipe, for one that names no seed: the same for the same recipe, another for another take."""
    return int.from_bytes(hashlib.sha256(key.encode()).digest()[:8], "big") >> 1


def free_attempt(key: RecipeKey, images: int) -> str:
    """The id of the next attempt of a recipe at a provider that costs nothing, in 32 hex digits. `images` are those of
    the recipe in the store: the id stays the same until another one is there, also in the next run."""
    return hashlib.sha256(f"reconciler attempt {key} {images}".encode()).hexdigest()[:32]
