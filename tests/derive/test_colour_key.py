"""A key takes the background, the whole background, and nothing of the subject."""

from __future__ import annotations

import random

import pytest
from PIL import Image, ImageDraw, ImageFilter

from reconciler.core.derived.operations import ColourKey
from reconciler.derive import colour_key
from reconciler.derive.colour_key import NoHueError, NotFlatError, keyed
from tests.derive.pictures import PAINTED_GREEN, on_green


def test_the_painted_colour_is_found_not_the_one_that_was_asked_for() -> None:
    image = keyed(on_green(), ColourKey())
    assert image.getpixel((0, 0)) == (0, 0, 0, 0)
    assert image.getchannel("A").getbbox() == (15, 15, 50, 50)


def test_colours_of_the_subject_are_exactly_as_they_were() -> None:
    """Olive and teal are near to green, and lose it to a despill without a gate."""
    image = keyed(on_green(), ColourKey())
    assert image.getpixel((18, 18)) == (200, 40, 40, 255)
    assert image.getpixel((25, 30)) == (120, 140, 60, 255)
    assert image.getpixel((38, 30)) == (40, 150, 150, 255)


def test_the_background_is_taken_out_of_mixed_pixels() -> None:
    """Half green and half red is red that one sees half through."""
    soft = Image.new("RGB", (120, 120), PAINTED_GREEN)
    ImageDraw.Draw(soft).rectangle((30, 30, 90, 90), fill=(200, 40, 40))
    image = keyed(soft.filter(ImageFilter.BoxBlur(1)), ColourKey(from_=4, to=120))
    red, green, _, alpha = image.getpixel((29, 60))  # type: ignore[misc]  # four bands
    assert 60 < alpha < 255
    assert red > 150
    assert green < 80


def test_no_fringe_of_the_background_is_left() -> None:
    """A mixed pixel of red is farther from green than `to`: by its distance alone it would be opaque, and greenish."""
    soft = Image.new("RGB", (480, 480), PAINTED_GREEN)
    ImageDraw.Draw(soft).ellipse((80, 80, 400, 400), fill=(200, 40, 40))
    image = keyed(soft.resize((120, 120), Image.Resampling.BOX), ColourKey())
    mixed = [
        (pixel[0], pixel[1])
        for _, pixel in image.getcolors(120 * 120) or []
        if isinstance(pixel, tuple) and 40 < pixel[3] < 255
    ]
    assert len(mixed) > 10
    assert all(green < 70 and red > 150 for red, green in mixed)


def test_a_strip_is_like_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = keyed(on_green(), ColourKey())
    for rows in (1, 2, 5, 63):
        monkeypatch.setattr(colour_key, "_STRIP_PIXELS", 64 * rows)
        assert keyed(on_green(), ColourKey()).tobytes() == whole.tobytes()


def test_a_subject_may_touch_the_border() -> None:
    image = on_green()
    ImageDraw.Draw(image).rectangle((20, 40, 44, 63), fill=(200, 40, 40))
    found = keyed(image, ColourKey())
    assert found.getpixel((30, 63)) == (200, 40, 40, 255)
    assert found.getpixel((0, 63)) == (0, 0, 0, 0)


def test_a_noisy_background_goes_too() -> None:
    chance = random.Random(3)
    image = on_green()
    for x in range(64):
        for y in range(64):
            if image.getpixel((x, y)) == PAINTED_GREEN:
                image.putpixel((x, y), tuple(each + chance.randint(-6, 6) for each in PAINTED_GREEN))
    assert keyed(image, ColourKey()).getchannel("A").getbbox() == (15, 15, 50, 50)


def test_transparency_that_is_there_stays() -> None:
    image = on_green().convert("RGBA")
    image.paste((0, 0, 0, 0), (34, 20, 45, 45))
    assert keyed(image, ColourKey()).getpixel((40, 30)) == (0, 0, 0, 0)


def test_a_background_of_many_colours_is_no_guess() -> None:
    chance = random.Random(1)
    image = Image.new("RGB", (64, 64))
    image.putdata([tuple(chance.randrange(256) for _ in range(3)) for _ in range(64 * 64)])
    with pytest.raises(NotFlatError) as found:
        keyed(image, ColourKey())
    assert found.value.percent < 60
    assert keyed(image, ColourKey("#00ff00")).mode == "RGBA", "the author's colour is not measured"


@pytest.mark.parametrize("grey", [(255, 255, 255), (90, 90, 94), (0, 0, 0)])
def test_a_grey_background_has_no_key(grey: tuple[int, int, int]) -> None:
    with pytest.raises(NoHueError):
        keyed(Image.new("RGB", (32, 32), grey), ColourKey())


@pytest.mark.parametrize("size", [(1, 1), (3, 40), (9, 9), (40, 2)])
def test_small_pictures(size: tuple[int, int]) -> None:
    assert keyed(Image.new("RGB", size, PAINTED_GREEN), ColourKey()).getchannel("A").getbbox() is None
