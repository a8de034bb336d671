"""The messages between a command and a process that decodes images for it: structs of fixed sizes, and nothing else.

A decoder may be taken over by the image that it decodes, so nothing that it answers is parsed further than this.
"""

from __future__ import annotations

import struct

VERIFY, THUMBNAIL, ENCODE, TRANSPARENCY, PREVIEW = 1, 2, 3, 4, 5
"""Operations: decode all pixels; a thumbnail; the image in another format; whether any pixel is transparent; a small
WebP of the whole image."""
OK, TWO_SIZES, FRAMES, BROKEN, DISK, MEMORY = range(6)
"""Results. BROKEN has the type of the exception as its name, DISK an errno as its width."""

REQUEST = struct.Struct("!BBIIIIIIIIH")
"""Operation, place in `sniff.FORMATS`, width and height in pixels, height of the thumbnail, longer side of the
preview or place of the format to encode in, seconds of CPU, the ratio of a crop and its focus in thousandths
(0 for none), bytes of the path. The path follows."""
ANSWER = struct.Struct("!BBII32s")
"""Result, transparency, width, height, name. For a thumbnail, `width * height * 3` bytes of RGB follow; for an encoded
image or a preview its LENGTH, and so many bytes."""
LENGTH = struct.Struct("!I")


def most_bytes(height: int) -> int:
    """The most bytes of a thumbnail of this height: it is at most twice as wide as high."""
    return height * 2 * height * 3
