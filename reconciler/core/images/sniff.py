"""Read the format, the pixel size and the completeness of an image from its bytes. Nothing is decoded.

The container's structure is walked to the end of the image: a truncated file is `NotAnImage`; bytes behind the end are
ignored, as browsers do. Flipped bits are found in PNG only, whose chunks carry checksums; in other formats that takes a
decoder.
"""

from __future__ import annotations

import math
import re
import struct
from typing import TYPE_CHECKING

from reconciler.core.images.containers import recognise
from reconciler.core.images.png import BrokenError
from reconciler.core.value import value

if TYPE_CHECKING:
    from mmap import mmap

FORMATS = ("png", "jpeg", "webp", "avif")
SUFFIXES = {".png": "png", ".jpg": "jpeg", ".jpeg": "jpeg", ".webp": "webp", ".avif": "avif"}
"""Output suffix (lower case) to format."""

MIN_SIDE = 16
"""A side below this is a ratio written with the wrong sign (`16x9`)."""
_PAIR = re.compile(r"([0-9]{1,5})([:x])([0-9]{1,5})")


@value
class ImageFacts:
    """The facts of an image that the lockfile has. Sizes in pixels, as the image is shown, and bytes."""

    format: str
    width: int
    height: int
    size: int


@value
class NotAnImage:
    """The reason why the bytes are not a complete image of a known format."""

    why: str


def sniff(data: bytes | bytearray | memoryview | mmap) -> ImageFacts | NotAnImage:
    """Format, pixel size and completeness, from the container's own structure.

    The pixel size is that of the image as it is shown: an orientation in the metadata is applied.
    """
    with memoryview(data) as view:
        found = recognise(view)
        if found is None:
            return NotAnImage("not a PNG, JPEG, WebP or AVIF file" if view else "empty")
        name, measure = found
        try:
            width, height = measure(view)
        except BrokenError as error:
            return NotAnImage(f"{name}: {error}")
        except struct.error:
            return NotAnImage(f"{name}: cut short")
        if not (width and height):
            return NotAnImage(f"{name}: no pixels ({width}x{height})")
        return ImageFacts(name, width, height, len(view))


def pixels_of(size: str) -> tuple[int, int] | None:
    """`1536x1024` as (1536, 1024); None for any other text."""
    match = _PAIR.fullmatch(size)
    if match is None or match[2] != "x":
        return None
    width, height = int(match[1]), int(match[3])
    return (width, height) if min(width, height) >= MIN_SIDE else None


def ratio_of(size: str) -> tuple[int, int] | None:
    """The ratio in lowest terms that a ratio (`16:9`) or pixels (`1536x1024` is 3:2) ask for; None for neither."""
    match = _PAIR.fullmatch(size)
    if match is None:
        return None
    pair = (int(match[1]), int(match[3])) if match[2] == ":" else pixels_of(size)
    if pair is None or 0 in pair:
        return None
    divisor = math.gcd(*pair)
    return pair[0] // divisor, pair[1] // divisor
