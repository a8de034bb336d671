"""Tell from EXIF data whether an image is shown on its side. Source: EXIF 2.32, 4.6; orientations 5 to 8 are turned."""

from __future__ import annotations

import struct

MOST_EXIF = 64 * 1024
"""The most bytes of EXIF data that are read; in a JPEG there cannot be more."""
_PREFIX = b"Exif\0\0"
_ORIENTATION = 0x0112
_SHORT = 3


def is_turned(exif: bytes) -> bool:
    """Whether width and height change places when the image is shown. False for data that cannot be read."""
    tiff = exif[:MOST_EXIF].removeprefix(_PREFIX)
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(tiff[:4])
    if order is None:
        return False
    try:
        (at,) = struct.unpack_from(f"{order}I", tiff, 4)
        (count,) = struct.unpack_from(f"{order}H", tiff, at)
        for field in range(count):
            tag, kind, _, found = struct.unpack_from(f"{order}HHIH", tiff, at + 2 + 12 * field)
            if tag == _ORIENTATION:
                return bool(kind == _SHORT and 5 <= found <= 8)
    except struct.error:
        return False
    return False
