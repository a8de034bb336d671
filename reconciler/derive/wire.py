"""The messages between a Deriver and its confined processes.

A request is a length and a pickle: its sender is trusted. A process that reads a picture of a stranger may be taken
over by it, so an answer is parts of fixed shape and nothing else: a header, and so many bytes.
"""

from __future__ import annotations

import struct
from pathlib import Path

from reconciler.core.derived.icon_sets import IconFile
from reconciler.core.derived.operations import Encoding, Operation
from reconciler.core.derived.work import WantedFile
from reconciler.core.images.sniff import ImageFacts
from reconciler.core.value import value

OK, BROKEN, DISK, MEMORY, FRAMES, TWO_SIZES, NOT_FLAT, NO_HUE, NOTHING, TOO_LARGE = range(10)
"""Results. BROKEN has the type of the exception as its name, DISK an errno as its width, NOT_FLAT the percentage as its
width, TOO_LARGE the size. A part that is not OK is the last of its answer."""
PREAMBLE = struct.Struct("!II")
"""Seconds of CPU time, and bytes of the pickle that follows."""
PART = struct.Struct("!BIIIIIIII32s")
"""Result, index in the request, width, height, width and height of the source, left, top, bytes that follow, name."""


@value
class Pixels:
    """A file whose header says this."""

    path: Path
    facts: ImageFacts


@value
class FilesRequest:
    """A part for each file, in any order: its bytes."""

    master: Pixels
    files: tuple[WantedFile, ...]


@value
class SpriteCut:
    """`whole`: the transparent border is not cut off."""

    master: Pixels
    operations: tuple[Operation, ...]
    whole: bool = False


@value
class SpritesRequest:
    """A part for each sprite: its RGBA pixels. Those without a visible one are one transparent pixel."""

    sprites: tuple[SpriteCut, ...]


@value
class PlacedPixels:
    """RGBA pixels of a sprite, and their place on a page."""

    x: int
    y: int
    width: int
    height: int
    pixels: bytes


@value
class PageRequest:
    """One part: the bytes of a page."""

    width: int
    height: int
    extrude: int
    pieces: tuple[PlacedPixels, ...]
    encoding: Encoding


@value
class IconsRequest:
    """A part for each icon: the bytes of its file. `padding` is thousandths of the side."""

    master: Pixels
    icons: tuple[IconFile, ...]
    background: str
    padding: int
    mark: tuple[str, ...] = ()


@value
class PreviewRequest:
    """One part: 3 bytes of the mean colour, and the ThumbHash."""

    picture: Pixels


DeriveRequest = FilesRequest | SpritesRequest | PageRequest | IconsRequest | PreviewRequest
