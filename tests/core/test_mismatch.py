"""An image of another ratio is taken only where the spec says so, and only if nothing else is wrong with it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.core.derived.crop_box import crop_box
from reconciler.core.derived.operations import Crop
from reconciler.core.fit import Misfit, has_ratio, misfit
from reconciler.core.images.sniff import ImageFacts
from reconciler.core.mismatch import HOLD, OnMismatch, Taken, taken
from reconciler.core.recipe import Recipe
from reconciler.core.value import replace

WIDE = Recipe("x", size="16:9")
SIDES = st.integers(16, 4096)
POLICIES = st.builds(
    OnMismatch, st.sampled_from(["hold", "keep", "crop"]), st.integers(0, 900), st.tuples(*[st.integers(0, 1000)] * 2)
)


def image(width: int, height: int) -> ImageFacts:
    return ImageFacts("png", width, height, 1)


def decided(facts: ImageFacts, recipe: Recipe, policy: OnMismatch, *, transparent: bool = False) -> Taken | None:
    wrong = misfit(facts, recipe, transparent=transparent)
    assert isinstance(wrong, Misfit), "it fits"
    return taken(facts, wrong, recipe, policy)


@pytest.mark.parametrize(
    ("size", "policy", "wanted"),
    [
        ((1024, 1024), HOLD, None),
        ((1024, 1024), OnMismatch("keep"), Taken()),
        ((1024, 1024), OnMismatch("crop", 500), Taken(Crop((16, 9)))),
        ((1024, 1024), OnMismatch("crop", 437), None),
        ((1024, 1024), OnMismatch("crop", 438, (100, 0)), Taken(Crop((16, 9), (100, 0)))),
        ((100, 100), OnMismatch("keep"), None),
        ((140, 140), OnMismatch("crop", 900), None),
    ],
)
def test_the_table(size: tuple[int, int], policy: OnMismatch, wanted: Taken | None) -> None:
    """A square loses 43.75 % as 16:9. 100x100 pixels are too few, and so are 140x79."""
    assert decided(image(*size), WIDE, policy) == wanted


def test_an_image_of_the_pixels_in_the_recipe_fits_however_few_they_are() -> None:
    """Also in the run after a kill, which does not know what was asked for."""
    icon = replace(WIDE, size="64x64")
    assert misfit(image(64, 64), icon, transparent=False) is None
    assert misfit(image(65, 65), icon, transparent=False) is not None
    assert misfit(image(64, 64), replace(icon, background="transparent"), transparent=False) is not None


def test_only_the_ratio_is_forgiven() -> None:
    clear = replace(WIDE, background="transparent")
    assert decided(image(1024, 1024), clear, OnMismatch("keep")) is None
    assert decided(image(1024, 1024), clear, OnMismatch("keep"), transparent=True) == Taken()
    assert decided(image(1600, 900), clear, OnMismatch("keep")) is None
    assert decided(image(160, 90), WIDE, OnMismatch("keep")) is None
    large = replace(WIDE, image_size="2K")
    assert decided(image(1024, 1024), large, OnMismatch("keep")) is None


def test_pixels_are_a_ratio_too() -> None:
    recipe = replace(WIDE, size="1536x1024")
    assert decided(image(1254, 1254), recipe, OnMismatch("crop", 400)) == Taken(Crop((3, 2)))
    assert decided(image(1024, 1024), recipe, OnMismatch("crop", 400)) is None, "less than half of the pixels"


@given(SIDES, SIDES, POLICIES, st.sampled_from(["16:9", "1:1", "2:3", "1536x1024", "21:9"]))
def test_what_is_taken_fits_or_was_asked_for(width: int, height: int, policy: OnMismatch, size: str) -> None:
    recipe = replace(WIDE, size=size)
    facts = image(width, height)
    wrong = misfit(facts, recipe, transparent=False)
    if wrong is None:
        return
    found = taken(facts, wrong, recipe, policy)
    if found is None:
        return
    assert policy.ratio != "hold"
    assert not has_ratio(facts, recipe)
    if found.crop is None:
        assert policy.ratio == "keep"
        return
    left, top, right, bottom = crop_box(width, height, found.crop)
    assert 0 <= left < right <= width and 0 <= top < bottom <= height
    cut = image(right - left, bottom - top)
    assert misfit(cut, recipe, transparent=False) is None, "a crop fits its recipe"
    assert 1000 * (width * height - cut.width * cut.height) <= policy.tolerance * width * height


@given(SIDES, SIDES, st.tuples(st.integers(1, 21), st.integers(1, 21)), st.tuples(*[st.integers(0, 1000)] * 2))
def test_a_box_lies_inside_and_touches_two_sides(
    width: int, height: int, ratio: tuple[int, int], focus: tuple[int, int]
) -> None:
    left, top, right, bottom = crop_box(width, height, Crop(ratio, focus))
    assert 0 <= left < right <= width and 0 <= top < bottom <= height
    assert right - left == width or bottom - top == height
    again = crop_box(right - left, bottom - top, Crop((right - left, bottom - top), focus))
    assert again == (0, 0, right - left, bottom - top)
