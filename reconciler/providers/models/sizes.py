"""Convert the size of a recipe to a ratio, or to pixels that the model can make."""

from __future__ import annotations

import math
from collections.abc import Iterable

from reconciler.core.fit import TOLERANCE
from reconciler.core.images.pixel_size import SIDES, pixel_size
from reconciler.core.images.sniff import pixels_of, ratio_of
from reconciler.core.recipe import Recipe
from reconciler.providers.models.table import FreePixels, Model

RATIOS = ("1:1", "2:3", "3:2", "3:4", "4:3", "4:5", "5:4", "9:16", "16:9", "21:9", "1:4", "4:1", "1:8", "8:1")


def near_ratio(size: str, ratios: Iterable[str] = RATIOS) -> str:
    """The ratio nearest to a size, within TOLERANCE; else ""."""
    wanted = _quotient(size)
    if wanted is None:
        return ""
    distances = {ratio: abs(quotient / wanted - 1) for ratio in ratios if (quotient := _quotient(ratio))}
    nearest = min(distances, key=lambda ratio: distances[ratio], default="")
    return nearest if nearest and distances[nearest] <= TOLERANCE else ""


def _quotient(size: str) -> float | None:
    sides = pixels_of(size) or ratio_of(size)
    return sides[0] / sides[1] if sides else None


def ratio_size(recipe: Recipe) -> str:
    """The aspect ratio to request; "" leaves it to the model. A size in pixels becomes the nearest ratio."""
    if recipe.size in ("", "auto"):
        return ""
    if pixels_of(recipe.size) is None:
        return recipe.size
    near = near_ratio(recipe.size)
    if near:
        return near
    width, height = pixels_of(recipe.size) or (1, 1)
    shared = math.gcd(width, height)
    return f"{width // shared}:{height // shared}"


def asked_pixels(recipe: Recipe, row: Model | None) -> tuple[int, int] | None:
    """Width and height to request; None leaves them to the model. Raises ValueError for an invalid size."""
    if recipe.size in ("", "auto"):
        return None
    fixed = pixels_of(row.pixels[recipe.size]) if row is not None and recipe.size in row.pixels else None
    if fixed:
        return fixed
    free = row.free_pixels if row is not None else None
    exact = pixels_of(recipe.size)
    if exact or free is None:
        return exact or pixel_size(recipe.size, recipe.image_size)
    return _within(pixel_size(recipe.size, recipe.image_size), free)


def given_pixels(recipe: Recipe, row: Model | None) -> tuple[int, int]:
    """About the width and height that a model gives for a recipe. Raises ValueError for an invalid size.

    A model that takes ratios gives the pixels of the nearest one, at the largest size that it has up to the one asked.
    """
    if row is None or not row.ratios:
        return asked_pixels(recipe, row) or pixel_size("", recipe.image_size)
    return pixel_size(near_ratio(recipe.size, row.ratios) or recipe.size, given_image_size(recipe, row))


def given_image_size(recipe: Recipe, row: Model) -> str:
    """The image size that a model gives: the one asked for, or the nearest that it has."""
    asked = recipe.image_size.upper() or "1K"
    if not row.image_sizes or asked in row.image_sizes:
        return asked
    known = [size for size in SIDES if size in row.image_sizes]
    below = [size for size in known if SIDES[size] <= SIDES.get(asked, 0)]
    return below[-1] if below else known[0] if known else asked


def _within(size: tuple[int, int], free: FreePixels) -> tuple[int, int]:
    """The same ratio, reduced to the limits of the model."""
    width, height = size
    scale = min(1.0, math.sqrt(free.most / (width * height)), free.longest / max(width, height))
    grid = free.multiple
    return (math.floor(width * scale / grid) * grid, math.floor(height * scale / grid) * grid)
