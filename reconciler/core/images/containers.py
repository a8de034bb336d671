"""The structure of PNG, JPEG, WebP and AVIF files, walked to the end of the image; bytes behind it are ignored."""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Iterator

from reconciler.core.images import png
from reconciler.core.images.magic import HEAD, image_format
from reconciler.core.images.orientation import MOST_EXIF, is_turned
from reconciler.core.images.png import BrokenError
from reconciler.core.value import value

Measure = Callable[[memoryview], tuple[int, int]]
"""Walks a whole file and returns its width and height as it is shown. Raises BrokenError or struct.error."""


def _png(view: memoryview) -> tuple[int, int]:
    header, exif, at = bytearray(), bytearray(), 0

    def read(count: int) -> memoryview:
        nonlocal at
        at += count
        return view[at - count : at]

    def see(kind: bytes, piece: bytes | memoryview) -> None:
        if kind == b"IHDR":
            header.extend(piece)
        elif kind == b"eXIf" and len(exif) < MOST_EXIF:
            exif.extend(piece)

    png.walk(read, see)
    width, height = struct.unpack_from(">II", header)
    return shown(width, height, exif)


def shown(width: int, height: int, exif: bytes | bytearray) -> tuple[int, int]:
    """The sides of an image as it is shown, with the orientation in its EXIF data."""
    return (height, width) if is_turned(bytes(exif)) else (width, height)


_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_APP1 = 0xE1
_BARE = frozenset((0x01, *range(0xD0, 0xD8)))
_AFTER_SCAN = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
"""The last byte 0xFF before the next marker. Many may precede it: a pattern that takes them all is quadratic."""


MOST_SCANS = 100
"""Scans in a JPEG file, its previews included. Encoders write about ten; a decoder goes over all pixels for each."""
MOST_PARTS = 100_000
"""Segments, chunks or boxes in a file. Each takes a step to walk over, however small it is."""


class Steps:
    """Counts what a walk comes across, and raises BrokenError when it is too much."""

    def __init__(self) -> None:
        self._parts = self._scans = 0

    def part(self) -> None:
        self._parts += 1
        if self._parts > MOST_PARTS:
            raise BrokenError(f"more than {MOST_PARTS} parts")

    def scan(self) -> None:
        self._scans += 1
        if self._scans > MOST_SCANS:
            raise BrokenError(f"more than {MOST_SCANS} scans")


def _jpeg(view: memoryview) -> tuple[int, int]:
    steps = Steps()
    at, size, exif, seen_scan = 2, (0, 0), b"", False
    while True:
        steps.part()
        prefix, marker = struct.unpack_from(">BB", view, at)
        if prefix != 0xFF:
            raise BrokenError(f"no marker at byte {at}")
        at += 1 if marker == 0xFF else 2
        if marker == 0xD9:
            if not (seen_scan and size[0]):
                raise BrokenError("no image data")
            return shown(*size, exif)
        if marker == 0xFF or marker in _BARE:
            continue
        (length,) = struct.unpack_from(">H", view, at)
        if marker in _FRAMES:
            height, width = struct.unpack_from(">HH", view, at + 3)
            size = (width, height)
        elif marker == _APP1 and not exif and bytes(view[at + 2 : at + 6]) == b"Exif":
            exif = bytes(view[at + 2 : at + length])
        at += max(length, 2)
        if marker == 0xDA:
            seen_scan = True
            steps.scan()
            match = _AFTER_SCAN.search(view, at)
            if match is None:
                raise BrokenError("cut short")
            at = match.end() - 2


def _webp(view: memoryview) -> tuple[int, int]:
    (told,) = struct.unpack_from("<I", view, 4)
    if told + 8 > len(view):
        raise BrokenError("cut short")
    at, size, exif, seen_pixels, steps = 12, (0, 0), b"", False, Steps()
    while at < told + 8:
        steps.part()
        kind, length = struct.unpack_from("<4sI", view, at)
        body = at + 8
        at = body + length + length % 2
        if body + length > len(view):
            raise BrokenError("cut short")
        if kind == b"EXIF":
            exif = bytes(view[body : body + min(length, MOST_EXIF)])
        seen_pixels = seen_pixels or kind in (b"VP8 ", b"VP8L", b"ANMF")
        if not size[0]:
            size = _webp_size(view, kind, body)
    if not seen_pixels:
        raise BrokenError("no image data")
    return shown(*size, exif)


def _webp_size(view: memoryview, kind: bytes, body: int) -> tuple[int, int]:
    """The size in the first chunk; later chunks repeat it."""
    if kind == b"VP8 ":
        start, width, height = struct.unpack_from("<3sHH", view, body + 3)
        if start != b"\x9d\x01\x2a":
            raise BrokenError("no key frame")
        return width & 0x3FFF, height & 0x3FFF
    if kind == b"VP8L":
        mark, bits = struct.unpack_from("<BI", view, body)
        if mark != 0x2F:
            raise BrokenError("no lossless signature")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if kind == b"VP8X":
        width, high_width, height, high_height = struct.unpack_from("<HBHB", view, body + 4)
        return (width | high_width << 16) + 1, (height | high_height << 16) + 1
    raise BrokenError("no image at its start")


@value
class Box:
    """A box of an ISO base media file: its kind, and where its body begins and ends."""

    kind: bytes
    start: int
    end: int


def boxes_of(view: memoryview, start: int, end: int) -> Iterator[Box]:
    """The boxes that fill `start` to `end` exactly."""
    at, steps = start, Steps()
    while at < end:
        steps.part()
        length, kind = struct.unpack_from(">I4s", view, at)
        body = at + 8
        if length == 1:
            (length,) = struct.unpack_from(">Q", view, body)
            body += 8
        stop = end if length == 0 else at + length
        if stop > end:
            raise BrokenError("cut short")
        if stop < body:
            raise BrokenError(f"damaged at byte {at}")
        yield Box(kind, body, stop)
        at = stop


def _inside(view: memoryview, start: int, end: int, kind: bytes) -> Box:
    """The first box of a kind."""
    for box in boxes_of(view, start, end):
        if box.kind == kind:
            return box
    raise BrokenError(f"no {kind.decode()} box")


def _avif(view: memoryview) -> tuple[int, int]:
    kinds: dict[bytes, Box] = {}
    try:
        for box in boxes_of(view, 0, len(view)):
            kinds.setdefault(box.kind, box)
    except (BrokenError, struct.error):
        if not {b"meta", b"mdat"} <= kinds.keys():  # else the image is whole, and bytes behind it are not its own
            raise
    if b"meta" not in kinds:
        raise BrokenError("no meta box")
    meta = kinds[b"meta"]
    start = meta.start + 4  # past its version and flags
    if not {b"mdat", b"idat"} & {*kinds, *(box.kind for box in boxes_of(view, start, meta.end))}:
        raise BrokenError("no image data")
    primary = _inside(view, start, meta.end, b"pitm")
    item: int = struct.unpack_from(">I" if view[primary.start] else ">H", view, primary.start + 4)[0]
    properties = _inside(view, start, meta.end, b"iprp")
    container = _inside(view, properties.start, properties.end, b"ipco")
    boxes = tuple(boxes_of(view, container.start, container.end))
    numbers = _properties_of(view, _inside(view, properties.start, properties.end, b"ipma"), item)
    its = [boxes[number - 1] for number in numbers if 0 < number <= len(boxes)]
    size = next((box for box in its if box.kind == b"ispe"), None)
    if size is None:
        raise BrokenError("no size of its primary item")
    width, height = struct.unpack_from(">II", view, size.start + 4)
    turned = any(view[box.start] & 1 for box in its if box.kind == b"irot" and box.end > box.start)  # quarter turns
    return (height, width) if turned else (width, height)


def _properties_of(view: memoryview, box: Box, item: int) -> Iterator[int]:
    """The numbers, from 1, of the properties that an ipma box gives to an item."""
    flags, count = struct.unpack_from(">II", view, box.start)
    id_format, wide = ">I" if flags >> 24 else ">H", flags & 1
    at, steps = box.start + 8, Steps()
    for _ in range(count):
        steps.part()
        (owner,) = struct.unpack_from(id_format, view, at)
        at += struct.calcsize(id_format)
        (number,) = struct.unpack_from(">B", view, at)
        at += 1
        if owner == item:
            index_format, mask = (">H", 0x7FFF) if wide else (">B", 0x7F)
            for index in range(number):
                yield struct.unpack_from(index_format, view, at + index * (2 if wide else 1))[0] & mask
        at += number * (2 if wide else 1)


_WALKS: dict[str, Measure] = {"png": _png, "jpeg": _jpeg, "webp": _webp, "avif": _avif}


def recognise(view: memoryview) -> tuple[str, Measure] | None:
    """The format by the first bytes, and its walk; None for a format without one."""
    name = image_format(bytes(view[:HEAD]))
    walk = _WALKS.get(name)
    return None if walk is None else (name, walk)
