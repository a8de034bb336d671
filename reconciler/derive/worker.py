"""The confined process that derives: it decodes masters, carries out operations and encodes.

Run by `deriver.py`, not imported. See `imaging/confined.py` for its limits.
"""

from __future__ import annotations

import pickle
from collections.abc import Iterator

from PIL import Image

from reconciler.core.derived.operations import Operation
from reconciler.core.derived.thumbhash import MOST_SIDE, mean_colour, thumbhash
from reconciler.derive.colour_key import NoHueError, NotFlatError
from reconciler.derive.icons import icon
from reconciler.derive.master import SeveralFramesError, TwoSizesError, upright_srgb
from reconciler.derive.pipeline import made
from reconciler.derive.sheet import drawn, visible_part
from reconciler.derive.transform import NothingLeftError, TooLargeError, transformed
from reconciler.derive.wire import (
    BROKEN,
    DISK,
    FRAMES,
    MEMORY,
    NO_HUE,
    NOT_FLAT,
    NOTHING,
    OK,
    PART,
    PREAMBLE,
    TOO_LARGE,
    TWO_SIZES,
    DeriveRequest,
    FilesRequest,
    IconsRequest,
    PageRequest,
    Pixels,
    PreviewRequest,
    SpriteCut,
    SpritesRequest,
)
from reconciler.imaging.confined import allow_seconds, confine, load_plugin, read_exactly, send_all
from reconciler.imaging.encoders import encoded
from reconciler.imaging.regular_file import open_regular


def serve(memory: int) -> None:
    """Answer requests until standard input ends. `memory` in bytes."""
    out = confine(memory)
    while preamble := read_exactly(PREAMBLE.size):
        seconds, length = PREAMBLE.unpack(preamble)
        request: DeriveRequest = pickle.loads(read_exactly(length))  # noqa: S301 - from the parent
        allow_seconds(seconds)
        for part in _guarded(answers(request)):
            send_all(out, part)


def answers(request: DeriveRequest) -> Iterator[bytes]:
    """The parts of the answer. Raises any exception on invalid bytes."""
    match request:
        case FilesRequest():
            for index, image, data in made(lambda: _pixels(request.master), request.files):
                yield _part(index, image.size, data)
        case SpritesRequest():
            for index, sprite in enumerate(request.sprites):
                yield _sprite(index, sprite)
        case PageRequest():
            load_plugin(request.encoding.format)
            yield _part(0, (request.width, request.height), encoded(drawn(request), request.encoding))
        case IconsRequest(background=background, padding=padding, mark=mark):
            master = _pixels(request.master)
            for index, file in enumerate(request.icons):
                yield _part(index, *icon(master, file, background=background, padding=padding, mark=mark))
        case PreviewRequest():
            yield _preview(_pixels(request.picture))


def _guarded(parts: Iterator[bytes]) -> Iterator[bytes]:
    """The parts, and one more that says why there are no others."""
    try:
        yield from parts
    except MemoryError:
        yield _failed(MEMORY)
    except SeveralFramesError:
        yield _failed(FRAMES)
    except TwoSizesError:
        yield _failed(TWO_SIZES)
    except NotFlatError as error:
        yield _failed(NOT_FLAT, (error.percent, 0))
    except NoHueError:
        yield _failed(NO_HUE)
    except NothingLeftError:
        yield _failed(NOTHING)
    except TooLargeError as error:
        yield _failed(TOO_LARGE, error.size)
    except Exception as error:  # noqa: BLE001 - decoders raise any exception on invalid bytes
        if isinstance(error, OSError) and error.errno:  # an error of the disk, not of the image
            yield _failed(DISK, (error.errno, 0))
        else:
            yield _failed(BROKEN, name=type(error).__name__)


def _pixels(pixels: Pixels) -> Image.Image:
    with open_regular(pixels.path) as file:
        return upright_srgb(file, pixels.facts)


def _after(image: Image.Image, operations: tuple[Operation, ...]) -> Image.Image:
    for operation in operations:
        image = transformed(image, operation)
    return image


def _sprite(index: int, sprite: SpriteCut) -> bytes:
    found = visible_part(_after(_pixels(sprite.master), sprite.operations), whole=sprite.whole)
    data = found.image.tobytes()
    return _part(index, found.image.size, data, source=found.source, at=(found.left, found.top))


def _preview(image: Image.Image) -> bytes:
    image.thumbnail((MOST_SIDE // 2, MOST_SIDE // 2))
    rgba = image.convert("RGBA").tobytes()
    colour = bytes.fromhex(mean_colour(rgba)[1:])
    return _part(0, image.size, colour + thumbhash(*image.size, rgba))


def _part(
    index: int, size: tuple[int, int], data: bytes, *, source: tuple[int, int] = (0, 0), at: tuple[int, int] = (0, 0)
) -> bytes:
    return PART.pack(OK, index, *size, *source, *at, len(data), b"") + data


def _failed(result: int, size: tuple[int, int] = (0, 0), *, name: str = "") -> bytes:
    return PART.pack(result, 0, *size, 0, 0, 0, 0, 0, name.encode("ascii", "replace"))
