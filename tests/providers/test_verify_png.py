"""Pixels that are inflated and thrown away: what Pillow can decode is sound, and what it cannot is not."""

from __future__ import annotations

import io
import struct
import tracemalloc
import zlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from reconciler.core.images.png import SIGNATURE, walk
from reconciler.providers.responses.verify_png import PngPixels
from reconciler.testing.gateway.pictures import png_chunk

END = png_chunk(b"IEND", b"")
COLOURS = [(0, 1), (0, 2), (0, 4), (0, 8), (0, 16), (2, 8), (2, 16), (3, 1), (3, 8), (4, 8), (4, 16), (6, 8), (6, 16)]
SAMPLES = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
ADAM7 = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]


def rows(width: int, height: int, bits: int, interlaced: int, filters: int) -> bytes:
    """The inflated bytes of an all-grey picture."""
    found = b""
    for x, y, dx, dy in ADAM7 if interlaced else [(0, 0, 1, 1)]:
        columns, lines = len(range(x, width, dx)), len(range(y, height, dy))
        if columns:
            found += (bytes([filters]) + bytes(-(-columns * bits // 8))) * lines
    return found


def png(pixels: bytes, width: int, height: int, *, colour: int = 2, depth: int = 8, interlaced: int = 0) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlaced)
    packed = zlib.compress(pixels)
    halves = packed[: len(packed) // 2], packed[len(packed) // 2 :]
    palette = png_chunk(b"PLTE", bytes(3 * 2)) if colour == 3 else b""
    data = b"".join(png_chunk(b"IDAT", half) for half in halves)
    return SIGNATURE + png_chunk(b"IHDR", header) + palette + data + png_chunk(b"IEND", b"")


def looked_at(data: bytes, *, most: int = 10**7) -> PngPixels:
    pixels = PngPixels(most=most)
    walk(io.BytesIO(data).read, pixels.see)
    return pixels


def decodes(data: bytes) -> bool:
    try:
        with Image.open(io.BytesIO(data), formats=["png"]) as image:
            image.load()
    except (OSError, SyntaxError, ValueError):
        return False
    return True


@given(st.sampled_from(COLOURS), st.tuples(*[st.integers(1, 40)] * 2), st.integers(0, 1), st.integers(0, 4), st.data())
def test_what_is_whole_is_sound_and_what_is_cut_is_not(
    kind: tuple[int, int], size: tuple[int, int], interlaced: int, filters: int, data: Any
) -> None:
    (colour, depth), (width, height) = kind, size
    pixels = rows(width, height, SAMPLES[colour] * depth, interlaced, filters)
    given: dict[str, int] = {"colour": colour, "depth": depth, "interlaced": interlaced}
    whole = png(pixels, width, height, **given)
    found = looked_at(whole)
    assert found.wrong == ""
    assert (found.width, found.height, found.transparent) == (width, height, colour in (4, 6))
    assert decodes(whole)
    short = png(pixels[: data.draw(st.integers(0, len(pixels) - 1))], width, height, **given)
    assert looked_at(short).wrong == "its pixels end too early"
    assert looked_at(png(b"", width, height, **given)).wrong == "its pixels end too early"


def test_large_pictures_come_in_many_pieces() -> None:
    line = b"\2" + bytes(range(256)) * 12
    whole = png(line * 700, 1024, 700)
    assert looked_at(whole).wrong == ""
    assert looked_at(png(line * 699 + line[:-1], 1024, 700)).wrong == "its pixels end too early"
    assert looked_at(png(bytes(3073 * 700), 1024, 700)).wrong == "", "a thousandfold shrunk: no byte in, many out"


@pytest.mark.parametrize("at", [0, 1, 41, 98])
def test_a_filter_that_there_is_not_in_any_row(at: int) -> None:
    pixels = bytearray(rows(30, 99, 24, 0, 1))
    pixels[at * 91] = 5
    data = png(bytes(pixels), 30, 99)
    assert looked_at(data).wrong == "a row has no filter type of PNG"
    assert not decodes(data)


def test_a_filter_in_the_last_pass_of_an_interlaced_picture() -> None:
    pixels = bytearray(rows(16, 16, 24, 1, 0))
    pixels[-49] = 9
    assert looked_at(png(bytes(pixels), 16, 16, interlaced=1)).wrong == "a row has no filter type of PNG"


@pytest.mark.parametrize(("colour", "depth", "interlaced"), [(2, 4, 0), (1, 8, 0), (7, 8, 0), (2, 8, 2), (0, 3, 0)])
def test_a_kind_of_pixels_that_there_is_not(colour: int, depth: int, interlaced: int) -> None:
    data = png(bytes(1000), 10, 10, colour=colour, depth=depth, interlaced=interlaced)
    assert looked_at(data).wrong == "no colour type and bit depth of PNG"


def test_indices_need_a_palette() -> None:
    whole = png(rows(10, 10, 8, 0, 0), 10, 10, colour=3)
    assert looked_at(whole).wrong == ""
    assert looked_at(whole.replace(png_chunk(b"PLTE", bytes(6)), b"")).wrong == "no palette before its pixels"
    late = whole.replace(png_chunk(b"PLTE", bytes(6)), b"").replace(END, png_chunk(b"PLTE", bytes(6)) + END)
    assert looked_at(late).wrong == "no palette before its pixels"
    assert looked_at(whole.replace(png_chunk(b"PLTE", bytes(6)), png_chunk(b"PLTE", bytes(4)))).wrong


def test_a_transparent_colour_and_frames() -> None:
    whole = png(rows(10, 10, 24, 0, 0), 10, 10)
    header = whole[: 8 + 25]
    clear = header + png_chunk(b"tRNS", bytes(6)) + png_chunk(b"acTL", struct.pack(">II", 3, 0)) + whole[8 + 25 :]
    found = looked_at(clear)
    assert (found.wrong, found.transparent, found.frames) == ("", True, 3)


@pytest.mark.parametrize(
    ("colour", "length", "clear"),
    [(0, 2, True), (0, 6, False), (2, 6, True), (2, 3, False), (2, 0, False), (3, 1, True), (3, 2, True), (3, 3, 0)],
)
def test_a_clear_colour_counts_where_a_reader_sees_it(colour: int, length: int, clear: bool) -> None:
    whole = png(rows(10, 10, 24 if colour == 2 else 8, 0, 0), 10, 10, colour=colour)
    at = whole.index(b"IDAT") - 4
    chunk = png_chunk(b"tRNS", bytes(length))
    assert looked_at(whole[:at] + chunk + whole[at:]).transparent == clear
    assert not looked_at(whole.replace(END, chunk + END)).transparent, "behind the pixels it says nothing"


def test_frames_that_are_told_behind_the_pixels_are_not() -> None:
    whole = png(rows(10, 10, 24, 0, 0), 10, 10)
    assert looked_at(whole.replace(END, png_chunk(b"acTL", struct.pack(">II", 3, 0)) + END)).frames == 0


def test_damaged_pixels_in_a_sound_chunk() -> None:
    packed = bytearray(zlib.compress(rows(10, 10, 24, 0, 0)))
    packed[2] = 0xFF  # a block of a type that there is not
    head = SIGNATURE + png_chunk(b"IHDR", struct.pack(">IIBBBBB", 10, 10, 8, 2, 0, 0, 0))
    data = head + png_chunk(b"IDAT", bytes(packed)) + png_chunk(b"IEND", b"")
    assert looked_at(data).wrong == "its pixels cannot be inflated"
    assert not decodes(data)


def test_nothing_is_inflated_of_more_pixels_than_may_be() -> None:
    data = SIGNATURE + png_chunk(b"IHDR", struct.pack(">IIBBBBB", 30_000, 30_000, 8, 2, 0, 0, 0))
    data += png_chunk(b"IDAT", b"not even zlib") + png_chunk(b"IEND", b"")
    assert looked_at(data).wrong == "its pixels end too early"
    assert looked_at(data, most=10**9).wrong == "its pixels cannot be inflated"


def test_what_is_inflated_is_not_kept() -> None:
    data = png(bytes((1 + 6000 * 3) * 4000), 6000, 4000)
    tracemalloc.start()
    assert looked_at(data, most=10**8).wrong == ""
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2_000_000
