"""Decide whether an image of another ratio than its recipe's is taken all the same, as it is or cropped. Pure.

Only the ratio may be wrong: an image that is too small or not transparent is held, whatever the spec says. A crop is
made on this machine, for nothing, and the paid bytes stay in the store.
"""

from __future__ import annotations

from reconciler.core.derived.crop_box import cropped_size
from reconciler.core.derived.operations import CENTRE, Crop
from reconciler.core.fit import Misfit, has_ratio, is_else_fit, wanted_ratio
from reconciler.core.images.sniff import ImageFacts
from reconciler.core.recipe import Recipe
from reconciler.core.value import replace, value

LOST_AT_MOST = 200
"""The default of `tolerance`, in thousandths of the pixels."""


@value
class OnMismatch:
    """What a spec says of images that do not fit. `tolerance` is the most that a crop may cut off, and `focus` the
    point that it keeps nearest to the middle, both in thousandths."""

    ratio: str = "hold"
    tolerance: int = LOST_AT_MOST
    focus: tuple[int, int] = CENTRE


HOLD = OnMismatch()


@value
class Taken:
    """The image is taken; `crop` is None for one that stays as it is."""

    crop: Crop | None = None


def taken(image: ImageFacts, wrong: Misfit, recipe: Recipe, policy: OnMismatch) -> Taken | None:
    """How an image that does not fit its recipe is taken by this policy; None: it is held."""
    ratio = wanted_ratio(recipe)
    if policy.ratio not in ("keep", "crop") or ratio is None or has_ratio(image, recipe):
        return None
    if policy.ratio == "keep":
        return Taken() if is_else_fit(image, recipe, transparent=wrong.transparent) else None
    width, height = cropped_size(image.width, image.height, ratio)
    lost = image.width * image.height - width * height
    if 1000 * lost > policy.tolerance * image.width * image.height:
        return None
    small = replace(image, width=width, height=height)
    return Taken(Crop(ratio, policy.focus)) if is_else_fit(small, recipe, transparent=wrong.transparent) else None
