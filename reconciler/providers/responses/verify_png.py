"""Decode a PNG without keeping it: its pixels are inflated to the last row and thrown away, a piece at a time.

As much is found as by a decoder that gives a picture back, in memory that grows with neither the file nor the picture,
and in half the time. Source: the PNG specification, third edition, 7 to 11.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator

from reconciler.core.images.orientation import MOST_EXIF
from reconciler.core.images.png import PIECE

_COLOURS = {0: (1, (1, 2, 4, 8, 16)), 2: (3, (8, 16)), 3: (1, (1, 2, 4, 8)), 4: (2, (8, 16)), 6: (4, (8, 16))}
"""Colour type to samples a pixel and the bits that each may have."""
_Passes = tuple[tuple[int, int, int, int], ...]
_WHOLE: _Passes = ((0, 0, 1, 1),)
_ADAM7: _Passes = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
"""Where each pass begins, x and y, and its steps."""


class PngPixels:
    """What a PNG's chunks say of its pixels: give it what `walk` sees. At most `most` of them are inflated."""

    def __init__(self, *, most: int) -> None:
        self.width = self.height = self.bits = self.colour = self.frames = 0
        self._most = most
        self._colours = 0
        self._clear = 0
        self._seen_pixels = False
        self.exif = b""
        self._header = b""
        self._rows: _Rows | None = None
        self._wrong = ""

    @property
    def wrong(self) -> str:
        """Why it cannot be decoded, once all has been seen; "" if it can."""
        if not self._wrong and (self._colours % 3 or (self.colour == 3 and not self._colours)):
            return "no palette before its pixels"
        return self._wrong or ("" if self._rows is not None and self._rows.complete else "its pixels end too early")

    @property
    def transparent(self) -> bool:
        """Whether it has an alpha channel, or a colour (for indices: some entries of the palette) that is clear."""
        clear = {0: self._clear == 2, 2: self._clear == 6, 3: 0 < self._clear <= self._colours // 3}
        return clear.get(self.colour, self.colour in (4, 6))

    def see(self, kind: bytes, piece: bytes | memoryview) -> None:
        """The next piece of a chunk."""
        match kind:
            case b"IHDR":
                self._header += piece
                if len(self._header) == 13:
                    self._begin()
            case b"IDAT":
                self._seen_pixels = True
                if self._rows is not None and not self._wrong:
                    self._wrong = self._rows.take(piece)
            case b"eXIf" if len(self.exif) < MOST_EXIF:
                self.exif += piece
            case _ if self._seen_pixels:  # what comes behind them says nothing of them any more
                pass
            case b"PLTE":
                self._colours += len(piece)
            case b"tRNS":
                self._clear += len(piece)
            case b"acTL" if not self.frames:
                self.frames = int.from_bytes(piece[:4])

    def _begin(self) -> None:
        self.width, self.height, self.bits, self.colour, *methods, interlace = struct.unpack(">IIBBBBB", self._header)
        samples, depths = _COLOURS.get(self.colour, (0, ()))
        if self.bits not in depths or methods != [0, 0] or interlace not in (0, 1):
            self._wrong = "no colour type and bit depth of PNG"
        elif self.width * self.height <= self._most:
            passes = _ADAM7 if interlace else _WHOLE
            self._rows = _Rows(_sizes(self.width, self.height, passes, samples * self.bits))


def _sizes(width: int, height: int, passes: _Passes, bits: int) -> Iterator[tuple[int, int]]:
    """Of each pass: the bytes of a row, its filter's included, and how many rows there are."""
    for x, y, step_x, step_y in passes:
        columns, rows = -(-(width - x) // step_x), -(-(height - y) // step_y)
        if columns > 0 and rows > 0:
            yield 1 + -(-columns * bits // 8), rows


class _Rows:
    """The rows of a picture, inflated, their filters looked at, and thrown away."""

    def __init__(self, sizes: Iterator[tuple[int, int]]) -> None:
        self._sizes = sizes
        self._inflate = zlib.decompressobj()
        self._row, self._at, self._end = 1, 0, 0
        self.complete = False
        self._next_pass()

    def _next_pass(self) -> None:
        row, rows = next(self._sizes, (1, 0))
        self._row, self._at, self._end, self.complete = row, 0, row * rows, not rows

    def take(self, piece: bytes | memoryview) -> str:
        """The next compressed bytes; why they are no rows, or "". What comes after the last row is not looked at."""
        block = bytes(PIECE)
        while not self.complete and (piece or len(block) == PIECE):  # a full block may not be all that there is
            try:
                block = self._inflate.decompress(piece, PIECE)
            except zlib.error:
                return "its pixels cannot be inflated"
            if not self._see(block):
                return "a row has no filter type of PNG"
            piece = self._inflate.unconsumed_tail
        return ""

    def _see(self, block: bytes) -> bool:
        at = 0
        while at < len(block) and not self.complete:
            part = block[at : at + self._end - self._at]
            if max(part[-self._at % self._row :: self._row], default=0) > 4:
                return False
            at, self._at = at + len(part), self._at + len(part)
            if self._at == self._end:
                self._next_pass()
        return True
