"""Read a PNG in one pass, a piece at a time, and compare its checksums. Source: the PNG specification, 5."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable

SIGNATURE = b"\x89PNG\r\n\x1a\n"
_CRITICAL = (b"IHDR", b"PLTE", b"IDAT", b"IEND")
"""The critical chunks; all others begin in lower case and may be skipped."""
PIECE = 64 * 1024
"""The most bytes in memory at a time."""


class BrokenError(Exception):
    """The file is not complete or not well formed. `sniff` returns it as a value."""


Read = Callable[[int], bytes | memoryview]
"""At most this many of the next bytes; none at the end."""


def walk(read: Read, see: Callable[[bytes, bytes | memoryview], None]) -> None:
    """Call `see` with the kind and data of every chunk, in pieces. Raises BrokenError if the file is incomplete.

    Bytes behind its end are read and ignored, as browsers do.
    """
    at, kind, pixels, before = len(SIGNATURE), b"", False, b""
    if bytes(_exactly(read, at)) != SIGNATURE:
        raise BrokenError("no header at its start")
    while kind != b"IEND":
        before, (length, kind) = kind, struct.unpack(">I4s", _exactly(read, 8))
        if (at == len(SIGNATURE)) != (kind == b"IHDR") or (kind == b"IHDR" and length != 13):
            raise BrokenError("no header at its start")
        if not kind.isalpha() or (kind[:1].isupper() and kind not in _CRITICAL):
            raise BrokenError(f"an invalid or unknown chunk at byte {at}")
        if kind == b"IDAT" and pixels and before != b"IDAT":
            raise BrokenError("its pixels are interrupted")
        check, left = zlib.crc32(kind), length
        while left:
            piece = read(min(left, PIECE))
            if not piece:
                raise BrokenError("cut short")
            check, left = zlib.crc32(piece, check), left - len(piece)
            see(kind, piece)
        if struct.unpack(">I", _exactly(read, 4))[0] != check:
            raise BrokenError(f"damaged at byte {at}")
        pixels = pixels or kind == b"IDAT"
        at += 12 + length
    if not pixels:
        raise BrokenError("no image data")
    while read(PIECE):
        pass


def _exactly(read: Read, count: int) -> bytes:
    data = b""
    while len(data) < count:
        piece = read(count - len(data))
        if not piece:
            raise BrokenError("cut short")
        data += piece
    return data
