"""The process that decodes images of strangers: no key in its environment, and limits of CPU time and memory.

Run by `children.py`, not imported. It ends when its standard input ends, which is when its parent does. SIGINT is
blocked: Ctrl-C reaches the whole group, and the parent decides what ends.

The limit of memory is RLIMIT_AS, on top of what the process has when Pillow is loaded. macOS accepts that limit and
does not enforce it: there, the ceiling of pixels alone bounds the memory.
"""

from __future__ import annotations

import importlib
import io
import os
import resource
import time
from contextlib import suppress
from pathlib import Path

from PIL import Image, ImageOps

from reconciler.core.images.sniff import FORMATS
from reconciler.providers.decoding import protocol
from reconciler.providers.decoding.encode import encoded
from reconciler.providers.decoding.protocol import (
    ANSWER,
    BROKEN,
    DISK,
    FRAMES,
    LENGTH,
    MEMORY,
    OK,
    READY,
    REQUEST,
    TWO_SIZES,
)
from reconciler.providers.decoding.regular_file import open_regular

_GROUND = (255, 255, 255, 255)
"""The background of transparent images."""
_QUALITIES = ((8, 75), (8, 50), (7, 45), (6, 40), (5, 30))
"""Of a preview, the best first: its size in eighths of the wanted one, and the quality."""
_FEW_BYTES = 2600
_PLUGINS = {"webp": "WebP", "avif": "Avif"}
"""Formats whose plug-in Pillow does not load by itself before it loads all 40 of them."""


def serve(memory: int) -> None:
    """DecoderAnswer requests until standard input ends. `memory` in bytes."""
    out = os.dup(1)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # a library that prints must not write into an answer
    _limit(resource.RLIMIT_CORE, 0)
    _limit(resource.RLIMIT_AS, _address_space() + memory)
    _write(out, READY)
    while request := _read(REQUEST.size):
        operation, form, width, height, thumbnail, seconds, length = REQUEST.unpack(request)
        path = os.fsdecode(_read(length))
        _limit(resource.RLIMIT_CPU, int(time.process_time()) + 1 + seconds)
        _write(out, _answer(operation, Path(path), FORMATS[form], (width, height), thumbnail))


def _answer(operation: int, path: Path, form: str, size: tuple[int, int], detail: int) -> bytes:
    try:
        with open_regular(path) as file:
            plugin = _PLUGINS.get(form)
            if plugin:
                _load(plugin)
            match operation:
                case protocol.VERIFY:
                    return _verified(file, form, size)
                case protocol.THUMBNAIL:
                    return _thumbnail(file, form, detail)
                case protocol.PREVIEW:
                    return _preview(file, form, detail)
                case protocol.ENCODE:
                    return _encoded(file, form, FORMATS[detail])
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


def _encoded(file: io.BufferedReader, form: str, wanted: str) -> bytes:
    plugin = _PLUGINS.get(wanted)
    if plugin:
        _load(plugin)
    with Image.open(file, formats=[form]) as image:
        size, data = encoded(image, wanted)
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
    _load("WebP")
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
        if len(data) <= _FEW_BYTES:
            break
    return _result(OK, size=small.size) + LENGTH.pack(len(data)) + data


def _result(result: int, *, transparent: bool = False, size: tuple[int, int] = (0, 0), name: str = "") -> bytes:
    return ANSWER.pack(result, transparent, *size, name.encode("ascii", "replace"))


def _load(plugin: str) -> None:
    with suppress(ImportError):  # an older Pillow; the image is then unidentified
        module = importlib.import_module(f"PIL.{plugin}ImagePlugin")
        if plugin == "Avif":
            module.__dict__["DEFAULT_MAX_THREADS"] = 1  # each thread would take its own share of the limits


def _address_space() -> int:
    """Bytes of address space in use; 0 where the system does not say."""
    try:
        return int(Path("/proc/self/statm").read_text("ascii").split()[0]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError):
        return 0


def _limit(kind: int, most: int) -> None:
    """Lower the limit to `most`, or to what the process may have if that is less."""
    _, hard = resource.getrlimit(kind)
    allowed = most if hard == resource.RLIM_INFINITY else min(most, hard)
    with suppress(ValueError, OSError):  # a system without this limit
        resource.setrlimit(kind, (allowed, hard))


def _read(count: int) -> bytes:
    """So many bytes; b"" at the end of the input."""
    data = b""
    while len(data) < count:
        piece = os.read(0, count - len(data))
        if not piece:
            return b""
        data += piece
    return data


def _write(out: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(out, view) :]
