"""Verify that a file is a whole image, and compare it with its recipe. The file is never changed.

Blocking: it decodes, PNG here and other formats in a process of their own. Checks in order: structure, pixel limit,
frames, pixels; then alpha, ratio, size.
"""

from __future__ import annotations

import mmap
from io import BufferedReader
from pathlib import Path

from reconciler.core.fit import Misfit, misfit
from reconciler.core.images.containers import shown
from reconciler.core.images.magic import HEAD, image_format
from reconciler.core.images.png import BrokenError, walk
from reconciler.core.images.sniff import ImageFacts, NotAnImage, sniff
from reconciler.core.recipe import Recipe
from reconciler.core.value import value
from reconciler.providers.decoding.decode import MOST_PIXELS, decode, sees_through
from reconciler.providers.http.spool_file import open_picture
from reconciler.providers.responses.verify_png import PngPixels


@value
class VerifiedImage:
    """A whole image. `misfit` says how it differs from its recipe; another format is no difference."""

    facts: ImageFacts
    misfit: Misfit | None = None


def verify_image(path: Path, recipe: Recipe, *, asked: tuple[int, int] | None = None) -> VerifiedImage | str:
    """The image, or the reason that there is none. `asked` is the size in pixels of the request.

    Raises OSError if the file cannot be read.
    """
    with open_picture(path) as file:
        seen = _png(file) if image_format(file.peek(HEAD)[:HEAD]) == "png" else _other(path, file)
    if isinstance(seen, str):
        return seen
    facts = seen.facts
    if facts.width * facts.height > MOST_PIXELS:
        return f"{facts.width}x{facts.height} pixels are too many to decode"
    if seen.wrong:
        return seen.wrong
    transparent = recipe.background == "transparent" and seen.alpha and sees_through(path, facts)
    return VerifiedImage(facts, misfit(facts, recipe, transparent=transparent, asked=asked))


@value
class _Seen:
    """A complete file of a known format. `wrong` is the error in its pixels, or ""; `alpha`: it may be transparent."""

    facts: ImageFacts
    wrong: str
    alpha: bool


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
    sides = shown(pixels.width, pixels.height, pixels.exif)
    return _Seen(ImageFacts("png", *sides, file.tell()), wrong, pixels.transparent)


def _other(path: Path, file: BufferedReader) -> _Seen | str:
    try:
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            facts = sniff(data)
    except ValueError:  # an empty file cannot be mapped
        return "the picture is empty"
    if isinstance(facts, NotAnImage):
        return f"not a picture: {facts.why}"
    if facts.width * facts.height > MOST_PIXELS:
        return _Seen(facts, "", alpha=False)
    decoded = decode(path, facts)
    return _Seen(facts, decoded.wrong, decoded.transparent)
