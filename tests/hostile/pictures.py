"""Pictures whose decoding would take long or much memory: as references, as outputs to adopt, as thumbnails of a draft."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from functools import cache, partial
from io import BytesIO
from pathlib import Path

from PIL import Image

from tests.hostile.case import Case
from tests.hostile.world import start, write

COMMANDS = ("validate", "plan", "apply --yes", "check", "show sword", "gallery -o page.html")


@cache
def scans(count: int = 5_000) -> bytes:
    """A progressive JPEG whose last scan is repeated: each repeat is decoded over the whole picture again."""
    buffer = BytesIO()
    Image.new("L", (4000, 4000), 128).save(buffer, "JPEG", progressive=True, quality=1)
    data = buffer.getvalue()
    start_of_last = data.rindex(b"\xff\xda")
    last = data[start_of_last:-2]
    return data[:-2] + last * count + b"\xff\xd9"


@cache
def big_webp() -> bytes:
    """49 megapixels in a few bytes."""
    buffer = BytesIO()
    Image.new("RGB", (7000, 7000), "teal").save(buffer, "WEBP", lossless=True)
    return buffer.getvalue()


@cache
def png_bomb() -> bytes:
    """20,000 x 20,000 pixels of zeros."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    row = zlib.compress(bytes(20_000 * 2_001), 9)
    head = struct.pack(">IIBBBBB", 20_000, 20_000, 8, 6, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", row) + chunk(b"IEND", b"")


@cache
def filled(count: int = 2 << 20) -> bytes:
    """A JPEG with so many fill bytes in its scan."""
    buffer = BytesIO()
    Image.new("L", (64, 48), 128).save(buffer, "JPEG")
    return buffer.getvalue()[:-2] + b"\xff" * count + b"\0\xff\xd9"


@cache
def truncated_avif() -> bytes:
    return b"\0\0\0\x1cftypavif" + b"\0\0\0\0mif1avif" + b"\xff" * 2000


PICTURES: dict[str, tuple[str, Callable[[], bytes]]] = {
    "a JPEG of 5,000 scans": ("jpg", scans),
    "a WebP of 49 megapixels": ("webp", big_webp),
    "a PNG of 400 megapixels": ("png", png_bomb),
    "a JPEG of 2 MiB of fill bytes": ("jpg", filled),
    "an AVIF that is cut off": ("avif", truncated_avif),
}


def _reference(suffix: str, data: Callable[[], bytes], root: Path) -> None:
    start(root, spec=f"prompt: A sword\nreferences: [refs/x.{suffix}]\n")
    write(root, f"refs/x.{suffix}", data())


def _output(suffix: str, data: Callable[[], bytes], root: Path) -> None:
    start(root, spec=f"prompt: A sword\noutput: assets/x.{suffix}\n")
    write(root, f"assets/x.{suffix}", data())


CASES = (
    *(
        Case(f"reference: {name}", partial(_reference, suffix, data), COMMANDS)
        for name, (suffix, data) in PICTURES.items()
    ),
    *(
        Case(f"output: {name}", partial(_output, suffix, data), ("plan", "adopt sword", "check"))
        for name, (suffix, data) in PICTURES.items()
    ),
)
