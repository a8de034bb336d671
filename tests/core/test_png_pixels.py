"""The pixels of a PNG as Pillow reads them, whatever its filters; and the distance of two pictures."""

from __future__ import annotations

import math
from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from reconciler.core.images.png_pixels import PixelBytes, decibels, png_pixels


@given(st.sampled_from(["RGB", "RGBA", "L", "LA"]), st.integers(1, 20), st.integers(1, 20), st.data())
def test_the_pixels_are_those_that_pillow_reads(mode: str, width: int, height: int, data: st.DataObject) -> None:
    size = width * height * len(mode)
    raw = data.draw(st.binary(min_size=size, max_size=size) | st.just((bytes(range(64)) * size)[:size]))
    buffer = BytesIO()
    Image.frombytes(mode, (width, height), raw).save(buffer, "png", compress_level=data.draw(st.integers(0, 9)))
    assert png_pixels(buffer.getvalue()) == PixelBytes(width, height, len(mode), raw)


@pytest.mark.parametrize("mode", ["P", "1", "I;16"])
def test_other_kinds_are_refused(mode: str) -> None:
    buffer = BytesIO()
    Image.new(mode, (4, 4)).save(buffer, "png")
    with pytest.raises(ValueError, match="not read here"):
        png_pixels(buffer.getvalue())


def test_what_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="not a PNG"):
        png_pixels(b"GIF89a")


def test_the_distance_is_that_of_the_squares() -> None:
    one = PixelBytes(2, 1, 1, bytes([10, 20]))
    assert decibels(one, one) == math.inf
    assert decibels(one, PixelBytes(2, 1, 1, bytes([11, 20]))) == pytest.approx(10 * math.log10(255**2 * 2))
    assert decibels(one, PixelBytes(1, 2, 1, bytes([10, 20]))) == 0
