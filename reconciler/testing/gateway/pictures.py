"""Real images of a requested size, encoded once per shape and then stamped: no two responses have the same bytes."""

from __future__ import annotations

import base64
import hashlib
import io
import struct
import zlib
from dataclasses import dataclass
from functools import cache
from typing import Any

MARK = 16
"""Bytes of the stamp."""
_BLANK = b"reconciler-stamp"


@dataclass(frozen=True, slots=True)
class Picture:
    """One image. `encoded` is its base64 in three pieces, of which only the middle one is new."""

    pieces: tuple[bytes, bytes, bytes]
    encoded: tuple[bytes, bytes, bytes]
    sha256: str

    @property
    def data(self) -> bytes:
        return b"".join(self.pieces)


class _Template:
    """An encoded image with a place for the stamp. Hash and base64 of the constant parts are computed once."""

    def __init__(self, data: bytes, *, at: int, checked_from: int | None) -> None:
        self._mark_at, self._checked_from, self._data = at, checked_from, data
        after = at + MARK + (4 if checked_from is not None else 0)
        self._start, self._end = at // 3 * 3, min(len(data), -(-after // 3) * 3)
        self._after = after
        self._before, self._behind = data[: self._start], data[self._end :]
        self._before64, self._behind64 = base64.b64encode(self._before), base64.b64encode(self._behind)
        self._hash = hashlib.sha256(self._before)

    def stamp(self, mark: bytes) -> Picture:
        check = b""
        if self._checked_from is not None:
            check = struct.pack(">I", zlib.crc32(mark, zlib.crc32(self._data[self._checked_from : self._mark_at])))
        head, tail = self._data[self._start : self._mark_at], self._data[self._after : self._end]
        middle = head + mark + check + tail
        digest = self._hash.copy()
        digest.update(middle)
        digest.update(self._behind)
        middle64 = base64.b64encode(middle)
        return Picture(
            (self._before, middle, self._behind), (self._before64, middle64, self._behind64), digest.hexdigest()
        )


def picture(form: str, width: int, height: int, mark: bytes, *, size: int = 0, variant: str = "opaque") -> Picture:
    """An image of exactly this shape, padded to about `size` bytes. The same mark gives the same bytes.

    `variant`: opaque, transparent or frames (two of them).
    """
    return _template(form, width, height, size, variant).stamp(mark)


@cache
def _template(form: str, width: int, height: int, size: int, variant: str) -> _Template:
    data = _encode(form, width, height, variant)
    pad = max(0, size - len(data) - 28)
    match form:
        case "png":
            return _template_png(data, pad)
        case "jpeg":
            return _template_jpeg(data, pad)
        case "webp":
            data = data + (_riff_chunk(pad) if pad else b"")
            data = data[:4] + struct.pack("<I", len(data) - 8) + data[8:]
        case "avif":
            data = data + (struct.pack(">I", pad + 8) + b"free" + bytes(pad) if pad else b"")
        case _:
            data = data + _BLANK  # gif and the like stay decodable with a tail; they are only sent where wrong
    return _Template(data, at=data.index(_BLANK), checked_from=None)


def _riff_chunk(pad: int) -> bytes:
    pad += pad % 2
    return b"PADD" + struct.pack("<I", pad) + bytes(pad)


def png_chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(data, zlib.crc32(kind)))


def _template_png(data: bytes, pad: int) -> _Template:
    after_header = 8 + 25
    filler = (
        png_chunk(b"caBX", bytes(pad)) if pad else b""
    )  # where a content credential stands: must come through as is
    start = data[:after_header] + filler + data[after_header:-12]
    stamped = start + png_chunk(b"tEXt", b"Comment\0" + _BLANK) + data[-12:]
    return _Template(stamped, at=len(start) + 16, checked_from=len(start) + 4)


def _template_jpeg(data: bytes, pad: int) -> _Template:
    start = 4 + struct.unpack(">H", data[4:6])[0]  # behind APP0
    full, rest = divmod(pad, 65537)
    filler = (b"\xff\xfe\xff\xff" + bytes(65533)) * full
    if rest > 4:
        filler += b"\xff\xfe" + struct.pack(">H", rest - 2) + bytes(rest - 4)
    stamp = b"\xff\xfe" + struct.pack(">H", MARK + 2) + _BLANK
    return _Template(data[:start] + filler + stamp + data[start:], at=start + len(filler) + 4, checked_from=None)


def _encode(form: str, width: int, height: int, variant: str) -> bytes:
    from PIL import Image  # a process that refuses or stalls need not wait for it

    grey = Image.linear_gradient("L")
    bands = [grey.resize((width, height)), grey.rotate(90).resize((width, height)), Image.new("L", (width, height), 99)]
    transparent = variant in ("transparent", "opaque alpha")
    if variant == "opaque alpha":
        bands[0] = Image.new("L", (width, height), 255)
    image = Image.merge("RGBA", [*bands, bands[0]]) if transparent else Image.merge("RGB", bands)
    known: dict[str, dict[str, Any]] = {
        "png": {"compress_level": 1},
        "jpeg": {"quality": 80},
        "webp": {"quality": 60, "method": 0, "xmp": _BLANK},
        "avif": {"quality": 50, "speed": 10, "max_threads": 1, "xmp": _BLANK},
    }
    options = known.get(form, {})
    if variant == "turned":
        exif = Image.Exif()
        exif[0x0112] = 6
        options |= {"exif": exif}
    if variant == "frames":
        options |= {"save_all": True, "append_images": [image.rotate(180)], "duration": 100}
    out = io.BytesIO()
    image.save(out, form, **options)
    return out.getvalue()


@cache
def huge_png() -> bytes:
    """30,000 x 30,000 pixels in about 100 KB: complete, with right checksums, 3.6 GB once decoded as RGBA."""
    side = 30_000
    packer, rows = zlib.compressobj(9), bytes((side // 8 + 1) * 1000)
    packed = b"".join(packer.compress(rows) for _ in range(side // 1000)) + packer.flush()
    header = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", header) + png_chunk(b"IDAT", packed) + png_chunk(b"IEND", b"")


@cache
def gzip_bomb(before: bytes, after: bytes, inside: int = 512 << 20) -> bytes:
    """A correct gzip stream of `before`, half a gigabyte of "A" and `after`, in about half a megabyte."""
    block = b"A" * (1 << 20)
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    start = packer.compress(before) + packer.flush(zlib.Z_FULL_FLUSH)
    packed = packer.compress(block) + packer.flush(zlib.Z_FULL_FLUSH)
    end = packer.compress(after) + packer.flush()
    check, count = zlib.crc32(before), inside // len(block)
    for _ in range(count):
        check = zlib.crc32(block, check)
    check, length = zlib.crc32(after, check), len(before) + count * len(block) + len(after)
    trailer = struct.pack("<II", check, length & 0xFFFFFFFF)
    return b"\x1f\x8b\x08\0\0\0\0\0\0\x03" + start + packed * count + end + trailer


def damaged(data: bytes, form: str) -> bytes:
    """One bit of a PNG's pixels flipped; of other formats the second half lost (they hide a flipped bit)."""
    if form != "png":
        return data[: len(data) // 2]
    at = data.index(b"IDAT") + 40
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]
