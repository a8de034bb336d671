"""The pixels of small PNG files that we wrote ourselves, and how far two pictures are apart. No library is needed."""

from __future__ import annotations

import math
import struct
import zlib
from itertools import starmap

from reconciler.core.value import value

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_CHANNELS = {0: 1, 2: 3, 4: 2, 6: 4}
_MOST = 1 << 22
"""Bytes of pixels."""


@value
class PixelBytes:
    """Rows from the top, `channels` bytes a pixel."""

    width: int
    height: int
    channels: int
    data: bytes


def png_pixels(data: bytes) -> PixelBytes:
    """The pixels of a PNG with 8 bits a channel that is not interlaced. ValueError for any other."""
    if not data.startswith(_SIGNATURE):
        raise ValueError("not a PNG")
    at, packed, head = len(_SIGNATURE), b"", b""
    while at + 8 <= len(data):
        length, kind = struct.unpack(">I4s", data[at : at + 8])
        body = data[at + 8 : at + 8 + length]
        if kind == b"IHDR":
            head = body
        elif kind == b"IDAT":
            packed += body
        at += length + 12
    width, height, depth, colour, *_, interlaced = struct.unpack(">IIBBBBB", head)
    channels = _CHANNELS.get(colour, 0)
    stride = width * channels
    if depth != 8 or interlaced or not channels or (stride + 1) * height > _MOST:
        raise ValueError("a kind of PNG that is not read here")
    raw = zlib.decompressobj().decompress(packed, (stride + 1) * height)
    rows: list[bytes] = []
    above = bytes(stride)
    for row in range(height):
        start = row * (stride + 1)
        above = _unfiltered(raw[start], raw[start + 1 : start + 1 + stride], above, channels)
        rows.append(above)
    return PixelBytes(width, height, channels, b"".join(rows))


def _unfiltered(kind: int, line: bytes, above: bytes, step: int) -> bytes:
    """A row without its filter. Source: the PNG specification, 9.2."""
    out = bytearray(line)
    for at, byte in enumerate(line if kind else b""):
        left = out[at - step] if at >= step else 0
        up = above[at]
        corner = above[at - step] if at >= step else 0
        match kind:
            case 1:
                guess = left
            case 2:
                guess = up
            case 3:
                guess = (left + up) // 2
            case _:
                guess = min((left, up, corner), key=lambda one: abs(left + up - corner - one))
        out[at] = (byte + guess) & 255
    return bytes(out)


def decibels(one: PixelBytes, other: PixelBytes) -> float:
    """The peak signal-to-noise ratio of two pictures of one size: infinite for equal ones, 0 for different sizes."""
    if (one.width, one.height, one.channels) != (other.width, other.height, other.channels):
        return 0.0
    error = sum(starmap(_squared, zip(one.data, other.data, strict=True)))
    return math.inf if not error else 10 * math.log10(255**2 * len(one.data) / error)


def _squared(one: int, other: int) -> int:
    return (one - other) ** 2
