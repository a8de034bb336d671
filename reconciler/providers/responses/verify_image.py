"""Verify that a file is the image that was requested. The file is never changed.

Blocking: it decodes, PNG here and other formats in a process of their own. Checks in order: structure, pixel limit,
format, frames, pixels, alpha, ratio, size.
"""

from __future__ import annotations

import mmap
from io import BufferedReader
from pathlib import Path

from reconciler.core.images.magic import HEAD, image_format
from reconciler.core.images.pixel_size import SIDES
from reconciler.core.images.png import BrokenError, walk
from reconciler.core.images.sniff import ImageFacts, NotAnImage, pixels_of, ratio_of, sniff
from reconciler.core.recipe import Recipe
from reconciler.core.value import value
from reconciler.providers.decoding.decode import MOST_PIXELS, decode
from reconciler.providers.http.spool_file import open_picture
from reconciler.providers.models.sizes import TOLERANCE
from reconciler.providers.responses.verify_png import PngPixels

LEAST_SHARE = 0.5
"""The smallest share of the requested pixels that is accepted."""
LEAST_PIXELS = 128 * 128
"""The fewest pixels that are accepted, whatever was requested."""


def verify_image(path: Path, recipe: Recipe, *, asked: tuple[int, int] | None = None) -> ImageFacts | str:
    """The facts of the image, or the reason that it is rejected. `asked` is the size in pixels of the request.

    Raises OSError if the file cannot be read.
    """
    with open_picture(path) as file:
        seen = _png(file) if image_format(file.peek(HEAD)[:HEAD]) == "png" else _other(path, file)
    if isinstance(seen, str):
        return seen
    facts = seen.facts
    if facts.width * facts.height > MOST_PIXELS:
        return f"{facts.width}x{facts.height} pixels are too many to decode"
    if facts.format != recipe.format:
        return f"the picture is {facts.format}, not {recipe.format}"
    if seen.wrong:
        return seen.wrong
    if recipe.background == "transparent" and not seen.transparent:
        return "the picture is not transparent"
    return _wrong_size(facts, recipe, asked) or facts


@value
class _Seen:
    """A complete file of a known format. `wrong` is the error in its pixels, or ""."""

    facts: ImageFacts
    wrong: str
    transparent: bool


def _png(file: BufferedReader) -> _Seen | str:
    """One pass over the chunks. Their checksums detect more damage than a decoder does."""
    pixels = PngPixels(most=MOST_PIXELS)
    try:
        walk(file.read, pixels.see)
    except BrokenError as error:
        return f"not a picture: png: {error}"
    if not (pixels.width and pixels.height):
        return f"not a picture: png: no pixels ({pixels.width}x{pixels.height})"
    wrong = f"the picture cannot be decoded: {pixels.wrong}" if pixels.wrong else ""
    if pixels.frames > 1:
        wrong = "the picture has several frames"
    return _Seen(ImageFacts("png", pixels.width, pixels.height, file.tell()), wrong, pixels.transparent)


def _other(path: Path, file: BufferedReader) -> _Seen | str:
    try:
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            facts = sniff(data)
    except ValueError:  # an empty file cannot be mapped
        return "the picture is empty"
    if isinstance(facts, NotAnImage):
        return f"not a picture: {facts.why}"
    if facts.width * facts.height > MOST_PIXELS:
        return _Seen(facts, "", transparent=False)
    decoded = decode(path, facts)
    return _Seen(facts, decoded.wrong, decoded.transparent)


def _wrong_size(facts: ImageFacts, recipe: Recipe, asked: tuple[int, int] | None) -> str:
    width, height = facts.width, facts.height
    if (width, height) == asked:
        return ""
    sides = None if recipe.size in ("", "auto") else pixels_of(recipe.size) or ratio_of(recipe.size)
    if sides is not None and abs(width * sides[1] / (height * sides[0]) - 1) > TOLERANCE:
        return f"the picture is {width}x{height}, which is not {recipe.size}"
    least = _least(recipe, asked)
    return f"the picture is {width}x{height}, too small: at least {least} pixels" if width * height < least else ""


def _least(recipe: Recipe, asked: tuple[int, int] | None) -> int:
    """The fewest pixels that the spec allows: a share of its size, or of the size in the request if that is smaller."""
    pixels = pixels_of(recipe.size)
    side = SIDES.get(recipe.image_size.upper(), 0)
    wanted = pixels[0] * pixels[1] if pixels else side * side
    return max(LEAST_PIXELS, int(min(wanted, asked[0] * asked[1] if asked else wanted) * LEAST_SHARE))
