"""Icons have the sizes of their tables, and no mask cuts off what is on them."""

from __future__ import annotations

import io
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageColor, ImageDraw

from reconciler.core.derived.icon_sets import SAFE_MASKABLE, IconFile, icon_files
from reconciler.core.derived.work import ICON_SETS
from reconciler.derive.icons import icon, reach
from tests.derive.pictures import sprite

BACKGROUND = "#1b2430"


def opened(master: Image.Image, file: IconFile, padding: int = 0) -> Image.Image:
    size, data = icon(master, file, background=BACKGROUND, padding=padding)
    image = Image.open(io.BytesIO(data))
    image.load()
    assert image.size == size
    return image


def farthest(image: Image.Image) -> float:
    """The farthest corner of a pixel that is not the background, counted pixel by pixel."""
    middle = image.width / 2
    ground = ImageColor.getrgb(BACKGROUND)
    found = 0.0
    for x in range(image.width):
        for y in range(image.height):
            pixel = image.getpixel((x, y))
            assert isinstance(pixel, tuple)
            away = max(abs(one - other) for one, other in zip(pixel[:3], ground, strict=True))
            if pixel[3:] > (0,) or (len(pixel) == 3 and away >= 8):
                across, down = max(abs(x - middle), abs(x + 1 - middle)), max(abs(y - middle), abs(y + 1 - middle))
                found = max(found, math.hypot(across, down))
    return found


@pytest.mark.parametrize(
    "file", [file for file in icon_files(ICON_SETS) if max(file.sizes) <= 192], ids=lambda file: file.path
)
def test_each_icon_has_its_size_and_is_opaque_where_it_must(file: IconFile) -> None:
    image = opened(sprite(), file)
    assert image.size == (max(file.sizes), max(file.sizes))
    if file.opaque:
        assert image.mode == "RGB"
        assert image.getpixel((0, 0)) == (0x1B, 0x24, 0x30)
    else:
        assert image.convert("RGBA").getpixel((0, 0)) == (0, 0, 0, 0)


def test_an_ico_has_all_its_sizes() -> None:
    _, data = icon(sprite(), IconFile("favicon.ico", (16, 32, 48)), background=BACKGROUND, padding=0)
    for side in (16, 32, 48):
        with Image.open(io.BytesIO(data)) as image:
            assert image.info["sizes"] == {(16, 16), (32, 32), (48, 48)}
            image.size = (side, side)  # type: ignore[misc]  # Pillow's way to choose one
            image.load()
            assert image.size == (side, side)
            assert image.getbbox() is not None


MASKABLE = IconFile("maskable.png", (96,), opaque=True, safe=SAFE_MASKABLE)
FOREGROUND = IconFile("foreground.png", (96,), safe=305)


@settings(max_examples=25)
@given(
    st.tuples(st.integers(8, 120), st.integers(8, 120)),
    st.tuples(st.integers(0, 7), st.integers(0, 7)),
    st.sampled_from([MASKABLE, FOREGROUND]),
    st.integers(0, 300),
)
def test_nothing_lies_outside_the_safe_zone(
    size: tuple[int, int], at: tuple[int, int], file: IconFile, padding: int
) -> None:
    master = Image.new("RGBA", size)
    ImageDraw.Draw(master).rectangle((*at, size[0] - 1, size[1] - 1), fill=(240, 200, 30, 255))
    image = opened(master, file, padding)
    assert farthest(image) <= 96 * file.safe / 1000
    assert farthest(image) > 0


def test_an_opaque_master_is_safe_with_its_corners() -> None:
    image = opened(Image.new("RGB", (300, 300), "red"), MASKABLE)
    assert 0.36 * 96 <= farthest(image) <= 0.4 * 96


def test_a_picture_that_is_safe_already_is_not_made_smaller() -> None:
    master = Image.new("RGBA", (100, 100))
    ImageDraw.Draw(master).ellipse((25, 25, 74, 74), fill="red")
    wide = opened(master, IconFile("maskable.png", (100,), opaque=True, safe=SAFE_MASKABLE))
    assert reach(wide, BACKGROUND) > 22


def test_padding_is_on_every_side() -> None:
    image = opened(Image.new("RGB", (40, 40), "red"), IconFile("icon.png", (100,), opaque=True), padding=100)
    assert image.getpixel((9, 50)) == (0x1B, 0x24, 0x30)
    assert image.getpixel((10, 10)) == image.getpixel((89, 89)) == (255, 0, 0)


def test_a_master_that_is_no_square_is_not_stretched() -> None:
    image = opened(Image.new("RGB", (80, 40), "red"), IconFile("icon.png", (100,)))
    assert image.getchannel("A").getbbox() == (0, 25, 100, 75)
