"""Compare an image with the recipe that it answers. Pure.

The format is not compared: an image in another format is converted, for nothing.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from reconciler.core.digest import Json, canonical
from reconciler.core.images.pixel_size import SIDES
from reconciler.core.images.sniff import ImageFacts, pixels_of, ratio_of
from reconciler.core.recipe import Recipe
from reconciler.core.value import field, value

TOLERANCE = 0.035
"""The accepted relative error of a ratio: models round sides to blocks. 1408x768 for 16:9, which a model is known to
make, is 3.1 % off."""
LEAST_SHARE = 0.5
"""The smallest share of the requested pixels that is accepted."""
LEAST_PIXELS = 128 * 128
"""The fewest pixels that are accepted, whatever was requested."""
LOOKS = frozenset({"size", "image_size", "format", "background"})
"""The fields of a recipe that an image can be compared with. All other fields say what it shows."""


@value
class Misfit:
    """What is wrong with a whole image. `fault` is equal for images that fail alike.

    `recipe` is the manifest that it answers; `transparent` says whether any of its pixels is.
    """

    fault: str
    message: str
    transparent: bool = False
    recipe: Mapping[str, Json] = field(default_factory=dict)


def misfit(
    image: ImageFacts, recipe: Recipe, *, transparent: bool, asked: tuple[int, int] | None = None
) -> Misfit | None:
    """How the image differs from the recipe, or None. `asked` is the size in pixels of the request."""
    wrong = _wrong(image, recipe, transparent, asked)
    return None if wrong is None else Misfit(*wrong, transparent, recipe.manifest())


def fits_as_well(recipe: Recipe, image: ImageFacts, known: Misfit) -> bool:
    """Whether an image that did not fit its own recipe is what this other recipe describes."""
    return (
        subject_of(known.recipe) == subject_of(recipe.manifest())
        and _wrong(image, recipe, known.transparent, None) is None
    )


def subject_of(manifest: Mapping[str, Json]) -> bytes:
    """What a recipe shows, without how it looks: equal for recipes that one image may fit."""
    return canonical({name: field for name, field in manifest.items() if name not in LOOKS})


def wanted_ratio(recipe: Recipe) -> tuple[int, int] | None:
    """The ratio that a recipe asks for; None if it leaves that to the model."""
    found = None if recipe.size in ("", "auto") else pixels_of(recipe.size) or ratio_of(recipe.size)
    if found is None:
        return None
    divisor = math.gcd(*found)
    return found[0] // divisor, found[1] // divisor


def has_ratio(image: ImageFacts, recipe: Recipe) -> bool:
    """Whether the image has the ratio of the recipe, within the tolerance."""
    sides = wanted_ratio(recipe)
    return sides is None or abs(image.width * sides[1] / (image.height * sides[0]) - 1) <= TOLERANCE


def is_else_fit(image: ImageFacts, recipe: Recipe, *, transparent: bool) -> bool:
    """Whether the image fits the recipe in everything but its ratio."""
    if recipe.background == "transparent" and not transparent:
        return False
    return image.width * image.height >= _least(recipe, None)


def _wrong(
    image: ImageFacts, recipe: Recipe, transparent: bool, asked: tuple[int, int] | None
) -> tuple[str, str] | None:
    if recipe.background == "transparent" and not transparent:
        return "not transparent", "the picture is not transparent"
    width, height = image.width, image.height
    if (width, height) in (asked, pixels_of(recipe.size)):  # a later run does not know what was asked for
        return None
    if not has_ratio(image, recipe):
        return f"not {recipe.size}", f"the picture is {width}x{height}, which is not {recipe.size}"
    least = _least(recipe, asked)
    if width * height < least:
        return f"fewer than {least} pixels", f"the picture is {width}x{height}, too small: at least {least} pixels"
    return None


def _least(recipe: Recipe, asked: tuple[int, int] | None) -> int:
    """The fewest pixels that the spec allows: a share of its size, or of the size in the request if that is smaller."""
    pixels = pixels_of(recipe.size)
    side = SIDES.get(recipe.image_size.upper(), 0)
    wanted = pixels[0] * pixels[1] if pixels else side * side
    return max(LEAST_PIXELS, int(min(wanted, asked[0] * asked[1] if asked else wanted) * LEAST_SHARE))
