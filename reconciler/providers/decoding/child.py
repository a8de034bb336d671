"""The process that decodes answers of providers and pictures of the project; `confined.py` has its limits.

Run by `children.py`, not imported.
"""

from __future__ import annotations

import io
import os
from pathlib import Path

from PIL import Image, ImageOps

from reconciler.core.derived.operations import Crop
from reconciler.core.images.sniff import FORMATS
from reconciler.imaging.confined import allow_seconds, confine, load_plugin, read_exactly, send_all
from reconciler.imaging.encoders import converted
from reconciler.imaging.regular_file import open_regular
from reconciler.providers.decoding import protocol
from reconciler.providers.decoding.protocol import (
    ANSWER,
    BROKEN,
    DISK,
    FRAMES,
    LENGTH,
    MEMORY,
    OK,
    REQUEST,
    TWO_SIZES,
)

_GROUND = (255, 255, 255, 255)
"""The background of transparent images."""
_QUALITIES = ((8, 75), (8, 50), (7, 45), (6, 40), (5, 30), (4, 25), (3, 20), (2, 20))
"""Of a preview, the best first: its size in eighths of the wanted one, and the quality."""
_PIXELS_A_BYTE = 30
"""Of the square around a preview: one with sides of 256 has at most 2,184 bytes, unless it is of pure noise."""


def serve(memory: int) -> None:
    """Answer requests until standard input ends. `memory` in bytes."""
    out = confine(memory)
    while request := read_exactly(REQUEST.size):
        operation, form, width, height, detail, seconds, *cut, length = REQUEST.unpack(request)
        path = os.fsdecode(read_exactly(length))
        allow_seconds(seconds)
        crop = Crop((cut[0], cut[1]), (cut[2], cut[3])) if cut[0] else None
        send_all(out, _answer(operation, Path(path), FORMATS[form], (width, height), detail, crop=crop))


def _answer(operation: int, path: Path, form: str, size: tuple[int, int], detail: int, *, crop: Crop | None) -> bytes:
    try:
        with open_regular(path) as file:
            load_plugin(form)
            match operation:
                case protocol.VERIFY:
                    return _verified(file, form, size)
                case protocol.THUMBNAIL:
                    return _thumbnail(file, form, detail)
                case protocol.PREVIEW:
                    return _preview(file, form, detail)
                case protocol.ENCODE:
                    return _encoded(file, form, FORMATS[detail], crop)
                case _:
                    return _transparency(file, form)
    except MemoryError:
        return _result(MEMORY)
    except Exception as error:  # noqa: BLE001 - decoders raise any exception on invalid bytes
        if isinstance(error, OSError) and error.errno:  # an error of the disk, not of the image
            return _result(DISK, size=(error.errno, 0))
        return _result(BROKEN, name=type(error).__name__)


def _verified(file: io.BufferedReader, form: str, size: tuple[int, int]) -> bytes:
    """Decode all pixels, unless the header says something else already."""
    with Image.open(file, formats=[form]) as image:
        if getattr(image, "n_frames", 1) != 1:
            return _result(FRAMES)
        if image.size not in (size, size[::-1]):  # the size is that of the image as it is shown
            return _result(TWO_SIZES)
        image.load()
        return _result(OK, transparent=image.has_transparency_data)


def _transparency(file: io.BufferedReader, form: str) -> bytes:
    """An alpha channel may be opaque everywhere."""
    with Image.open(file, formats=[form]) as image:
        alpha = image.convert("RGBA").getchannel("A")
        return _result(OK, transparent=alpha.getextrema() != (255, 255))


def _encoded(file: io.BufferedReader, form: str, wanted: str, crop: Crop | None) -> bytes:
    load_plugin(wanted)
    with Image.open(file, formats=[form]) as image:
        size, data = converted(image, wanted, crop)
    return _result(OK, size=size) + LENGTH.pack(len(data)) + data


def _thumbnail(file: io.BufferedReader, form: str, height: int) -> bytes:
    """The image at this height, cropped to a width of half to twice that."""
    with Image.open(file, formats=[form]) as picture:
        picture.draft("RGB", (2 * height, 2 * height))  # JPEG: decoded small
        picture.thumbnail((8 * height, 2 * height))
        upright = ImageOps.exif_transpose(picture).convert("RGBA")
    ground = Image.new("RGBA", upright.size, _GROUND)
    ground.alpha_composite(upright)
    across = min(max(upright.width * height // upright.height, height // 2), 2 * height)
    fitted = ImageOps.fit(ground.convert("RGB"), (across, height))
    return _result(OK, size=fitted.size) + fitted.tobytes()


def _preview(file: io.BufferedReader, form: str, side: int) -> bytes:
    """The whole image as a WebP, its longer side not above `side`. Of several qualities and sizes, the best whose bytes
    are few, since a page holds a thousand of them. Transparent pixels stay so."""
    load_plugin("webp")
    with Image.open(file, formats=[form]) as picture:
        picture.draft("RGB", (2 * side, 2 * side))  # JPEG: decoded small
        picture.thumbnail((4 * side, 4 * side))
        upright = ImageOps.exif_transpose(picture)
        small = upright.convert("RGBA" if upright.has_transparency_data else "RGB")
    data = b""
    for eighths, quality in _QUALITIES:
        small.thumbnail((side * eighths // 8, side * eighths // 8))
        out = io.BytesIO()
        small.save(out, "webp", quality=quality, alpha_quality=60, method=4)
        data = out.getvalue()
        if len(data) <= side * side // _PIXELS_A_BYTE:
            break
    return _result(OK, size=small.size) + LENGTH.pack(len(data)) + data


def _result(result: int, *, transparent: bool = False, size: tuple[int, int] = (0, 0), name: str = "") -> bytes:
    return ANSWER.pack(result, transparent, *size, name.encode("ascii", "replace"))
