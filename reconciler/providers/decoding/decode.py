"""Decode an image of a stranger in a process of its own: to verify it, or for a thumbnail. Blocking."""

from __future__ import annotations

import os
from pathlib import Path

from reconciler.core.derived.operations import Crop
from reconciler.core.images.magic import image_format
from reconciler.core.images.sniff import FORMATS, ImageFacts
from reconciler.core.value import value
from reconciler.imaging.child_process import CpuTimeError, DecoderError
from reconciler.providers.decoding.children import CHILDREN, MEMORY_BYTES, DecoderAnswer
from reconciler.providers.decoding.protocol import (
    BROKEN,
    DISK,
    ENCODE,
    FRAMES,
    MEMORY,
    OK,
    PREVIEW,
    REQUEST,
    THUMBNAIL,
    TRANSPARENCY,
    TWO_SIZES,
    VERIFY,
)  # fmt: skip

MOST_PIXELS = 50_000_000
"""The most pixels that are decoded. The largest images of today's models have 17 million."""
VERIFY_SECONDS = 6
"""Seconds of CPU time to verify an image. 17 megapixels take one at most."""
ENCODE_SECONDS = 40
"""Seconds of CPU time to convert an image. As AVIF, 17 megapixels take 15."""
MOST_ENCODED = 4 * MOST_PIXELS
"""The most bytes of a converted image: a PNG of noise has no more."""
THUMBNAIL_SECONDS = 2
PREVIEW_BYTES = 64 << 10
"""The most bytes of a preview: a decoder that answers with more is ended."""
_PIXEL_BYTES = {"webp": 17, "avif": 10}
"""Bytes that decoding takes for each pixel, measured. Their libraries do not say that memory is the reason when they
fail. The others take 4, and a progressive JPEG 10."""
_MOST_LOST = 3
"""Thumbnails that may cost a process in one run. The next are not tried: a thousand would take an hour."""


@value
class Decoded:
    """A decoded image. `wrong` is the reason that it is not accepted, or ""."""

    wrong: str
    transparent: bool = False


def decode(path: Path, facts: ImageFacts) -> Decoded:
    """Decode all pixels of a file whose header says this. OSError if the file cannot be read."""
    if _too_large(facts):
        return Decoded(_NO_MEMORY)
    try:
        answer = CHILDREN.ask(_request(VERIFY, path, facts, 0, VERIFY_SECONDS))
    except CpuTimeError:
        return Decoded(f"the picture cannot be decoded: it takes more than {VERIFY_SECONDS} s of CPU time")
    except DecoderError as error:
        return Decoded(f"the picture cannot be decoded: {error}")
    return Decoded(_wrong(answer), answer.transparent)


def sees_through(path: Path, facts: ImageFacts) -> bool:
    """Whether any pixel of a file is transparent; False if it cannot be decoded. OSError if it cannot be read."""
    try:
        answer = CHILDREN.ask(_request(TRANSPARENCY, path, facts, 0, VERIFY_SECONDS))
    except DecoderError:
        return False
    return not _wrong(answer) and answer.transparent


def encode(path: Path, facts: ImageFacts, format_: str, crop: Crop | None = None) -> bytes | str:
    """The image of a file in another format, cropped first, or why that is not possible. OSError if the file cannot be
    read."""
    try:
        request = _request(ENCODE, path, facts, FORMATS.index(format_), ENCODE_SECONDS, crop=crop)
        answer = CHILDREN.ask(request, encoded=MOST_ENCODED)
    except DecoderError as error:
        return f"the picture cannot be converted: {error}"
    return _wrong(answer) or answer.data


class Thumbnails:
    """Thumbnails of files whose header was read."""

    def __init__(self) -> None:
        self._lost = 0

    def make(self, path: Path, facts: ImageFacts, height: int) -> tuple[tuple[int, int], bytes] | None:
        """Size and RGB pixels of the image at this height, cropped to a width of half to twice that; None if it cannot
        be decoded. OSError if the file cannot be read."""
        if self._lost >= _MOST_LOST or _too_large(facts):
            return None
        try:
            answer = CHILDREN.ask(_request(THUMBNAIL, path, facts, height, THUMBNAIL_SECONDS), thumbnail=height)
        except DecoderError:
            self._lost += 1
            return None
        if _wrong(answer) or answer.height != height or not answer.width:
            return None
        return (answer.width, answer.height), answer.data

    def preview(self, path: Path, facts: ImageFacts, side: int) -> bytes | None:
        """The whole image as a small WebP, its longer side not above `side`; None if it cannot be decoded. OSError if
        the file cannot be read."""
        if self._lost >= _MOST_LOST or _too_large(facts):
            return None
        try:
            request = _request(PREVIEW, path, facts, side, THUMBNAIL_SECONDS)
            answer = CHILDREN.ask(request, encoded=PREVIEW_BYTES)
        except DecoderError:
            self._lost += 1
            return None
        if _wrong(answer) or image_format(answer.data) != "webp":
            return None
        return answer.data


THUMBNAILS = Thumbnails()
"""Those of this process."""

_NO_MEMORY = f"the picture cannot be decoded: it takes more than {MEMORY_BYTES >> 20} MiB of memory"


def _too_large(facts: ImageFacts) -> bool:
    return facts.width * facts.height * _PIXEL_BYTES.get(facts.format, 4) > MEMORY_BYTES


def _request(
    operation: int, path: Path, facts: ImageFacts, height: int, seconds: int, *, crop: Crop | None = None
) -> bytes:
    cut = (*crop.ratio, *crop.focus) if crop is not None else (0, 0, 0, 0)
    name = os.fsencode(os.path.abspath(path))
    form = FORMATS.index(facts.format)
    return REQUEST.pack(operation, form, facts.width, facts.height, height, seconds, *cut, len(name)) + name


def _wrong(answer: DecoderAnswer) -> str:
    """The reason that the image is not accepted, or "". OSError if the file could not be read."""
    if answer.result == OK:
        return ""
    if answer.result == DISK:
        raise OSError(answer.width, os.strerror(answer.width))
    if answer.result == MEMORY:
        return _NO_MEMORY
    if answer.result == TWO_SIZES:
        return "the picture states two sizes"
    if answer.result == FRAMES:
        return "the picture has several frames"
    return f"the picture cannot be decoded: {answer.name if answer.result == BROKEN and answer.name else 'Error'}"
