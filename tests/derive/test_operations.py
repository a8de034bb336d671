"""Each operation gives the pixels that it gave before, in the sizes that its rule says."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from reconciler.core.derived.operations import ColourKey, Crop, Operation, Pad, Palette, Resize, Trim
from reconciler.derive.transform import NothingLeftError, TooLargeError, transformed
from tests.derive.pictures import on_green, pixels_hash, scene, sprite

GOLDEN: list[tuple[str, Image.Image, Operation, str]] = [
    ("key", on_green(), ColourKey(), "6256b592e4d85f37"),
    ("key of a colour", on_green(), ColourKey("#08a218", 30, 90), "95e570da39a81122"),
    ("trim", sprite(), Trim(), "771cef41353f0795"),
    ("trim to the last pixel", sprite(), Trim(0, 3), "a300ebfc3515a6c2"),
    ("pad", sprite(), Pad(5), "aeacfb0aa7152332"),
    ("pad with a colour", sprite(), Pad(5, "#204060"), "bc7a62456b222d18"),
    ("inside", scene(), Resize(40), "0186793c907ebcef"),
    ("inside, by height", scene(), Resize(height=20), "55295670d4ae7bcb"),
    ("inside, with alpha", sprite(), Resize(20), "c12e5e5a20a2799e"),
    ("box", scene(), Resize(40, filter="box"), "09c2c7c5d0205944"),
    ("nearest", scene(), Resize(40, filter="nearest"), "5c78d4406761572d"),
    ("enlarged", sprite(), Resize(96, filter="nearest", enlarge=True), "51d645bb740ec7de"),
    ("cover", scene(), Resize(30, 30, "cover"), "5b4552f06de1ecc0"),
    ("cover about a focus", scene(), Resize(30, 30, "cover", focus=(200, 400)), "2c54dcd7ec17a4e8"),
    ("contain", scene(), Resize(40, 40, "contain"), "a82d8ae5a3a0bf51"),
    ("contain on a colour", scene(), Resize(40, 40, "contain", background="#204060"), "2d8699d7978694f9"),
    ("fill", scene(), Resize(30, 50, "fill"), "e5eaeba1e012c20f"),
    ("crop", scene(), Crop((1, 1)), "58ce0171b998cf16"),
    ("crop about a focus", scene(), Crop((9, 16), (900, 100)), "6e7a136c3197dddc"),
    ("palette", scene(), Palette(8), "26da344106eda7a5"),
    ("palette with alpha", sprite(), Palette(4), "45dffebea108a47f"),
    ("palette, dithered", scene(), Palette(4, "floyd-steinberg"), "fea75143c83a74b4"),
    ("palette of a list", scene(), Palette(listed=("#000000", "#ffffff", "#ff0000")), "0d6a933c502bf850"),
]


@pytest.mark.parametrize(
    ("image", "operation", "pixels"), [case[1:] for case in GOLDEN], ids=[case[0] for case in GOLDEN]
)
def test_the_pixels_are_those_of_before(image: Image.Image, operation: Operation, pixels: str) -> None:
    """A change here changes the files of every project: raise `OPERATIONS_REVISION` with it."""
    assert pixels_hash(transformed(image, operation)) == pixels


def test_every_operation_has_a_golden() -> None:
    assert {type(case[2]) for case in GOLDEN} == set(Operation.__args__)


def size(image: Image.Image, operation: Operation) -> tuple[int, int]:
    return transformed(image, operation).size


@pytest.mark.parametrize(
    ("resize", "wanted"),
    [
        (Resize(48), (48, 32)),
        (Resize(height=16), (24, 16)),
        (Resize(200), (96, 64)),
        (Resize(200, enlarge=True), (200, 133)),
        (Resize(height=16, fit="cover"), (24, 16)),
        (Resize(height=16, fit="fill"), (24, 16)),
        (Resize(24, fit="contain"), (24, 16)),
        (Resize(48, 48), (48, 32)),
        (Resize(200, 32), (48, 32)),
        (Resize(48, 48, "contain"), (48, 48)),
        (Resize(192, 192, "contain"), (96, 96)),
        (Resize(192, 192, "contain", enlarge=True), (192, 192)),
        (Resize(32, 32, "cover"), (32, 32)),
        (Resize(100, 50, "cover"), (96, 48)),
        (Resize(50, 100, "cover"), (32, 64)),
        (Resize(128, 128, "cover"), (64, 64)),
        (Resize(128, 128, "cover", enlarge=True), (128, 128)),
        (Resize(20, 60, "fill"), (20, 60)),
        (Resize(96, 128, "fill"), (48, 64)),
    ],
)
def test_sizes(resize: Resize, wanted: tuple[int, int]) -> None:
    """The master has 96x64 pixels; nothing is larger unless the rule asks for it."""
    assert size(scene(), resize) == wanted


SIDES = st.integers(1, 80)


@given(SIDES, SIDES, st.integers(0, 100), st.integers(0, 100), st.sampled_from(["cover", "contain", "inside", "fill"]))
def test_nothing_is_enlarged_that_was_not_asked_for(width: int, height: int, wide: int, high: int, fit: str) -> None:
    image = Image.new("RGB", (width, height), "red")
    found = transformed(image, Resize(wide or 1, high, fit))
    if fit == "contain":  # the picture inside it
        assert found.width <= width or found.height <= height
    else:
        assert found.width <= width
        assert found.height <= height


@given(st.integers(0, 1000), st.integers(0, 1000))
def test_a_crop_holds_the_focus(x: int, y: int) -> None:
    image = Image.new("RGB", (100, 50))
    at = min(99, x * 100 // 1000), min(49, y * 50 // 1000)
    image.putpixel(at, (255, 255, 255))
    assert transformed(image, Crop((1, 1), (x, y))).getbbox() is not None
    assert transformed(image, Resize(50, 50, "cover", focus=(x, y))).getbbox() is not None


def test_a_focus_in_a_corner_crops_the_corner() -> None:
    cut = transformed(scene(), Crop((1, 1), (0, 0)))
    assert cut.tobytes() == scene().crop((0, 0, 64, 64)).tobytes()
    cut = transformed(scene(), Crop((1, 1), (1000, 1000)))
    assert cut.tobytes() == scene().crop((32, 0, 96, 64)).tobytes()


def test_a_picture_that_has_the_size_already_is_not_touched() -> None:
    image = scene()
    for operation in (Resize(96), Resize(96, 64, "cover"), Crop((3, 2)), Trim(), Pad(0)):
        assert transformed(image, operation) is image


def test_trimming_leaves_what_is_seen() -> None:
    assert size(sprite(), Trim()) == (25, 25)
    assert size(sprite(), Trim(0)) == (25, 32)
    assert size(sprite(), Trim(8, 4)) == (33, 33)
    with pytest.raises(NothingLeftError):
        transformed(Image.new("RGBA", (8, 8)), Trim())


def test_nearest_invents_no_colour() -> None:
    before = {colour for _, colour in sprite().getcolors(9999) or []}
    after = {colour for _, colour in transformed(sprite(), Resize(31, filter="nearest")).getcolors(9999) or []}
    assert after <= before


def test_transparent_pixels_do_not_bleed_into_edges() -> None:
    image = Image.new("RGBA", (32, 32), (0, 255, 0, 0))
    image.paste((200, 0, 0, 255), (8, 8, 24, 24))
    small = transformed(image, Resize(11))
    visible = [colour for _, colour in small.getcolors(9999) or [] if isinstance(colour, tuple) and colour[3] > 40]
    assert visible
    assert all(green <= 2 for _, green, *_ in visible)


def test_a_palette_has_hard_alpha_and_no_more_colours() -> None:
    found = transformed(sprite(), Palette(4))
    assert {alpha for _, alpha in found.getchannel("A").getcolors() or []} == {0, 255}
    opaque = {colour[:3] for _, colour in found.getcolors(9999) or [] if isinstance(colour, tuple) and colour[3]}
    assert opaque == {(200, 60, 40), (40, 150, 150)}
    assert len(transformed(scene(), Palette(8)).getcolors(99) or []) == 8
    listed = transformed(scene(), Palette(listed=("#102030", "#ffffff")))
    assert {colour for _, colour in listed.getcolors(99) or []} == {(16, 32, 48), (255, 255, 255)}
    with pytest.raises(NothingLeftError):
        transformed(Image.new("RGBA", (8, 8)), Palette())


def test_a_result_that_is_too_large_is_refused_before_it_is_made() -> None:
    with pytest.raises(TooLargeError):
        transformed(scene(), Resize(16_000, enlarge=True))
    with pytest.raises(TooLargeError):
        transformed(scene(), Pad(5_000))
