"""Find the marks in the bytes of a picture that say that it is generated: XMP, and a manifest of C2PA.

The structure of the file is walked, nothing is decoded. C2PA manifests are found here and not verified. The bytes come
from a stranger: the number of parts and the size of a packet have bounds.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Iterator
from functools import partial

from reconciler.core.images.containers import Box, Steps, boxes_of
from reconciler.core.images.magic import HEAD, image_format
from reconciler.core.images.png import SIGNATURE, BrokenError
from reconciler.core.provenance.source_type import GENERATIVE_TERMS
from reconciler.core.provenance.xmp import MOST_XMP, XmpOrigin, read_xmp
from reconciler.core.value import value

_XMP_CHUNK = b"XML:com.adobe.xmp\0"
_XMP_SEGMENT = b"http://ns.adobe.com/xap/1.0/\0"
_C2PA_BOX = bytes.fromhex("d8fec3d61b0e483c92975828877ec481")
_XMP_BOX = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")
_XMP_TYPE = b"application/rdf+xml\0"


MARK_NAMES = {"c2pa": "C2PA", "iptc": "IPTC", "cn": "GB 45438"}
"""The marks that tell a reader that a picture is generated, and the standard of each."""


@value
class FoundMarks:
    """What the bytes of a picture say of its origin. `credentials`: they have a manifest of C2PA, which nobody has
    verified here. `problem`: why its metadata cannot be read."""

    format: str
    xmp: XmpOrigin = XmpOrigin()
    credentials: bool = False
    problem: str = ""

    @property
    def names(self) -> tuple[str, ...]:
        """The marks that tell a reader that the picture is generated, of MARK_NAMES."""
        found = {
            "c2pa": self.credentials,
            "iptc": self.xmp.source_type in GENERATIVE_TERMS,
            "cn": bool(self.xmp.label),
        }
        return tuple(name for name, there in found.items() if there)


@value
class _Packet:
    """A packet of XMP, read when it is the first (cut off behind the bound, so that it is refused); or, None, the
    presence of a C2PA manifest."""

    xmp: Callable[[], bytes] | None


_CREDENTIALS = _Packet(None)


def find_marks(view: memoryview) -> FoundMarks:
    """The marks in a picture; the first packet of XMP counts. Never raises."""
    name = image_format(bytes(view[:HEAD]))
    walk = _WALKS.get(name)
    if walk is None:
        return FoundMarks("", problem="not a PNG, JPEG, WebP or AVIF file")
    xmp, credentials, problem = None, False, ""
    try:
        for packet in walk(view):
            if packet.xmp is None:
                credentials = True
            elif xmp is None:
                xmp = read_xmp(packet.xmp())
    except (BrokenError, struct.error, zlib.error) as error:
        problem = str(error) if isinstance(error, BrokenError) else "its metadata are damaged"
    found = xmp or XmpOrigin()
    return FoundMarks(name, found, credentials, problem or found.problem)


def _packet(view: memoryview, start: int, end: int) -> _Packet:
    return _Packet(partial(_bounded, view, start, end))


def _bounded(view: memoryview, start: int, end: int) -> bytes:
    return bytes(view[start : min(end, start + MOST_XMP + 1)])


def _png(view: memoryview) -> Iterator[_Packet]:
    at, steps = len(SIGNATURE), Steps()
    while at < len(view):
        steps.part()
        length, kind = struct.unpack_from(">I4s", view, at)
        body, at = at + 8, at + 12 + length
        if kind == b"caBX":
            yield _CREDENTIALS
        elif kind == b"iTXt" and view[body : body + len(_XMP_CHUNK)] == _XMP_CHUNK:
            yield _Packet(partial(_international_text, view, body + len(_XMP_CHUNK), body + length))
        elif kind == b"IEND":
            return


def _international_text(view: memoryview, start: int, end: int) -> bytes:
    """The text of an iTXt chunk behind its keyword: flags, language, translated keyword, text."""
    data = _bounded(view, start, end)
    compressed, rest = data[:1] == b"\1", data[2:]
    text = rest.split(b"\0", 2)[-1]
    return zlib.decompressobj().decompress(text, MOST_XMP + 1) if compressed else text


def _jpeg(view: memoryview) -> Iterator[_Packet]:
    """The segments before the first scan, where metadata are."""
    at, steps = 2, Steps()
    while at + 4 <= len(view):
        steps.part()
        prefix, marker, length = struct.unpack_from(">BBH", view, at)
        if prefix != 0xFF:
            raise BrokenError(f"no marker at byte {at}")
        if marker == 0xFF:
            at += 1
            continue
        if marker in (0xDA, 0xD9):
            return
        body, at = at + 4, at + 2 + max(length, 2)
        if marker == 0xE1 and view[body : body + len(_XMP_SEGMENT)] == _XMP_SEGMENT:
            yield _packet(view, body + len(_XMP_SEGMENT), at)
        elif marker == 0xEB and b"jumdc2pa" in bytes(view[body : body + 32]):
            yield _CREDENTIALS


def _webp(view: memoryview) -> Iterator[_Packet]:
    at, steps = 12, Steps()
    while at + 8 <= len(view):
        steps.part()
        kind, length = struct.unpack_from("<4sI", view, at)
        body, at = at + 8, at + 8 + length + length % 2
        if kind == b"XMP ":
            yield _packet(view, body, min(body + length, len(view)))
        elif kind == b"C2PA":
            yield _CREDENTIALS


def _avif(view: memoryview) -> Iterator[_Packet]:
    seen = False
    for box in boxes_of(view, 0, len(view)):
        if box.kind == b"meta" and not seen:
            seen = True
            yield from _items(view, box)
        elif box.kind == b"uuid":
            kind, body = bytes(view[box.start : box.start + 16]), box.start + 16
            if kind == _C2PA_BOX:
                yield _CREDENTIALS
            elif kind == _XMP_BOX:
                yield _packet(view, body, box.end)


def _items(view: memoryview, meta: Box) -> Iterator[_Packet]:
    """The XMP items of a meta box: their types are in `iinf`, their places in `iloc`."""
    parts = {box.kind: box for box in boxes_of(view, meta.start + 4, meta.end)}
    if b"iinf" not in parts or b"iloc" not in parts:
        return
    listed = parts[b"iinf"]
    first = listed.start + (6 if view[listed.start] == 0 else 8)
    wanted = {_item_id(view, box) for box in boxes_of(view, first, listed.end) if _is_xmp(view, box)}
    if wanted:
        data = parts.get(b"idat")
        for start, length in _places(view, parts[b"iloc"], wanted, data.start if data else 0):
            yield _packet(view, start, start + length)


def _is_xmp(view: memoryview, box: Box) -> bool:
    return box.kind == b"infe" and _XMP_TYPE in bytes(view[box.start : min(box.end, box.start + 256)])


def _item_id(view: memoryview, box: Box) -> int:
    found: int = struct.unpack_from(">I" if view[box.start] >= 3 else ">H", view, box.start + 4)[0]
    return found


def _places(view: memoryview, box: Box, wanted: set[int], data: int) -> Iterator[tuple[int, int]]:
    """Where the first extent of each wanted item is, and its length. `data` is where the `idat` box begins."""
    version, sizes, bases = view[box.start], view[box.start + 4], view[box.start + 5]
    widths = (sizes >> 4, sizes & 15, bases >> 4, bases & 15 if version else 0)
    if any(width not in (0, 4, 8) for width in widths):
        raise BrokenError("its items have no valid places")
    offset_size, length_size, base_size, index_size = widths
    at, steps = box.start + 6, Steps()

    def number(width: int) -> int:
        nonlocal at
        at += width
        if at > box.end:
            raise BrokenError("its items have no valid places")
        return int.from_bytes(view[at - width : at], "big")

    for _ in range(number(4 if version >= 2 else 2)):
        item, method = number(4 if version >= 2 else 2), number(2) & 15 if version else 0
        number(2)  # the file that has the data: this one
        base, extents = number(base_size), number(2)
        for extent in range(extents):
            steps.part()
            number(index_size)
            start, length = base + number(offset_size), number(length_size)
            if item in wanted and not extent and method in (0, 1):
                yield start + (data if method else 0), length


_WALKS: dict[str, Callable[[memoryview], Iterator[_Packet]]] = {
    "png": _png,
    "jpeg": _jpeg,
    "webp": _webp,
    "avif": _avif,
}
