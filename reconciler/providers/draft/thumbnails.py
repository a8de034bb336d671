"""Thumbnails of the references in a row; a crossed box replaces an image that cannot be read."""

from __future__ import annotations

import mmap
import os
from io import BufferedReader
from pathlib import Path

from PIL import Image, ImageDraw

from reconciler.core.images.sniff import ImageFacts, sniff
from reconciler.core.value import value
from reconciler.imaging.regular_file import open_regular
from reconciler.providers.decoding.decode import MOST_PIXELS, THUMBNAILS
from reconciler.providers.draft.colours import CARD, PICTURE_COLOURS, PICTURES, level
from reconciler.providers.draft.shapes import cross
from reconciler.providers.draft.text import Face, face

FILE_LIMIT = 64 * 1024 * 1024
_SMALLEST = 20

Colours = tuple[tuple[int, int, int], ...]


@value
class Thumbnail:
    """A file to show, and its label on the card."""

    label: str
    path: Path


def paint_thumbnails(
    canvas: Image.Image, pictures: tuple[Thumbnail, ...], corner: tuple[int, int], width: int, height: int
) -> tuple[Colours, int]:
    """Draw a row of thumbnails, at most `height` high and `width` wide, with its lower left at `corner`; all in pixels.

    Returns the colours for the palette from index `PICTURES` on, and the height that the row takes.
    """
    if not pictures or height < _SMALLEST:
        return (), 0
    gap = max(3, height // 8)
    letters = face(max(9, round(height * 0.17)))
    places: list[tuple[int, Image.Image | None, str]] = []
    x = corner[0]
    for number, picture in enumerate(pictures):
        thumbnail = _thumbnail(picture.path, height)
        across = thumbnail.width if thumbnail else height
        spare = 0 if number == len(pictures) - 1 else 2 * letters.size
        if x + across + spare > corner[0] + width:
            more = (x, corner[1] - height // 2)
            ImageDraw.Draw(canvas).text(more, f"+{len(pictures) - number}", level(0.83), letters.font, anchor="lm")
            break
        places.append((x, thumbnail, picture.label))
        x += across + gap
    top = corner[1] - height
    colours = _paste(canvas, tuple((x, thumbnail) for x, thumbnail, _ in places if thumbnail), top)
    for x, thumbnail, label in places:
        if thumbnail is None:
            canvas.paste(cross((height, height), ground=level(0.06), lines=level(0.5)), (x, top))
        if len(pictures) > 1 or label != "1":
            _tag(canvas, label, letters, (x, corner[1]))
    return colours, height + 2 * gap


def _paste(canvas: Image.Image, thumbnails: tuple[tuple[int, Image.Image], ...], top: int) -> Colours:
    """Draw the thumbnails, each at its x, in one set of colours."""
    if not thumbnails:
        return ()
    strip = Image.new("RGB", (sum(picture.width for _, picture in thumbnails), thumbnails[0][1].height))
    at = 0
    for _, picture in thumbnails:
        strip.paste(picture, (at, 0))
        at += picture.width
    few = strip.quantize(PICTURE_COLOURS, Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE)
    shift = bytes(min(index + PICTURES, 255) for index in range(256))
    indexes = Image.frombytes("L", few.size, few.tobytes().translate(shift))
    at = 0
    for x, picture in thumbnails:
        canvas.paste(indexes.crop((at, 0, at + picture.width, picture.height)), (x, top))
        at += picture.width
    flat = (few.getpalette() or [])[: 3 * PICTURE_COLOURS]
    return tuple(zip(flat[0::3], flat[1::3], flat[2::3], strict=True))


def _tag(canvas: Image.Image, label: str, letters: Face, corner: tuple[int, int]) -> None:
    """Draw the label at the lower left corner of a thumbnail."""
    height = round(letters.size * 1.3)
    width = max(height, round(letters.width(label) + letters.size * 0.6))
    x, bottom = corner
    draw = ImageDraw.Draw(canvas)
    draw.rectangle((x, bottom - height, x + width - 1, bottom - 1), CARD)
    draw.text((x + width / 2, bottom - height / 2), label, level(1.0), letters.font, anchor="mm")


def _thumbnail(path: Path, height: int) -> Image.Image | None:
    """The image at this height, cropped to a width of half to twice that; None if it cannot be read."""
    try:
        with open_regular(path) as file:
            small = 0 < os.fstat(file.fileno()).st_size <= FILE_LIMIT
            facts = _facts(file) if small else None
        if facts is None or facts.width * facts.height > MOST_PIXELS:
            return None
        made = THUMBNAILS.make(path, facts, height)
    except OSError:
        return None
    return Image.frombytes("RGB", *made) if made is not None else None


def _facts(file: BufferedReader) -> ImageFacts | None:
    with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        found = sniff(data)
    return found if isinstance(found, ImageFacts) else None
