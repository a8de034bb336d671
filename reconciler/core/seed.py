"""The seed of a recipe, for providers on whose machine the same seed gives the same image."""

from __future__ import annotations

import hashlib

from reconciler.core.digest import RecipeKey


def recipe_seed(key: RecipeKey) -> int:
    """63 bits of the recipe, for one that names no seed: the same for the same recipe, another for another take."""
    return int.from_bytes(hashlib.sha256(key.encode()).digest()[:8], "big") >> 1
