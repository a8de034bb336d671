"""The shapes of a draft, antialiased: a faint pattern of its own for each request, a cross."""

from __future__ import annotations

from functools import lru_cache
from itertools import product

from PIL import Image, ImageDraw

from reconciler.providers.draft.colours import ACCENTS

_FINE = 4
"""Shapes are drawn this many times larger and scaled down: Pillow does not antialias."""
_TURNS = (None, Image.Transpose.ROTATE_90, Image.Transpose.ROTATE_180, Image.Transpose.ROTATE_270)
_TILES = 4


def paint_pattern(canvas: Image.Image, family: bytes, seed: bytes) -> None:
    """Draw a few large tiles at the upper right; the text is at the lower left.

    `family` chooses their kinds and size, which the drafts of one style share; `seed` arranges them.

    They are faint, since text may overlap them, and few, since every curved edge makes the file larger.
    """
    side = max(4, round(min(canvas.size) / (2, 2.5, 3)[family[0] % 3]))
    kinds = (family[1] % len(_KINDS), family[2] % len(_KINDS))
    across, down = -(-canvas.width // side), -(-canvas.height // side)
    for number, (column, row) in enumerate(sorted(product(range(across), range(down)), key=sum)[:_TILES]):
        pick = seed[3 + number]
        if number == 0 or pick % 4:
            shape = _tile(kinds[pick // 4 % 2], side, pick // 8 % len(_TURNS))
            corner = (canvas.width - (column + 1) * side, row * side)
            canvas.paste(ACCENTS[pick // 32 % 2], corner, shape)


def cross(size: tuple[int, int], *, ground: int, lines: int) -> Image.Image:
    """A crossed box, the symbol of a missing image."""
    large = (size[0] * _FINE, size[1] * _FINE)
    mask = Image.new("L", large, 0)
    draw = ImageDraw.Draw(mask)
    width = max(_FINE, min(large) // 40)
    right, below = large[0] - 1, large[1] - 1
    draw.line((0, 0, right, below), 255, width)
    draw.line((0, below, right, 0), 255, width)
    draw.rectangle((0, 0, right, below), outline=255, width=width)
    picture = Image.new("L", size, ground)
    picture.paste(lines, (0, 0), mask.resize(size, Image.Resampling.BOX))
    return picture


@lru_cache(maxsize=32)
def _tile(kind: int, side: int, turn: int) -> Image.Image:
    """A mask of one shape. It is cached: do not draw on it."""
    large = side * _FINE if side <= 400 else side
    mask = Image.new("L", (large, large), 0)
    _KINDS[kind](ImageDraw.Draw(mask), large)
    return _turned(mask.resize((side, side), Image.Resampling.BOX), _TURNS[turn])


def _turned(picture: Image.Image, turn: Image.Transpose | None) -> Image.Image:
    return picture if turn is None else picture.transpose(turn)


def _quarter(draw: ImageDraw.ImageDraw, side: int) -> None:
    draw.ellipse((-side, -side, side - 1, side - 1), 255)


def _disc(draw: ImageDraw.ImageDraw, side: int) -> None:
    draw.ellipse((0, 0, side - 1, side - 1), 255)


def _half(draw: ImageDraw.ImageDraw, side: int) -> None:
    draw.ellipse((-side // 2, 0, side // 2, side - 1), 255)


def _arch(draw: ImageDraw.ImageDraw, side: int) -> None:
    _quarter(draw, side)
    draw.ellipse((-side // 2, -side // 2, side // 2, side // 2), 0)


def _triangle(draw: ImageDraw.ImageDraw, side: int) -> None:
    draw.polygon(((0, 0), (side, 0), (0, side)), 255)


_KINDS = (_quarter, _disc, _half, _arch, _triangle)
