"""The pixels of a requested size, for providers that take only width and height, and for drafts."""

from __future__ import annotations

import math

from reconciler.core.images.sniff import pixels_of, ratio_of

SIDES = {"512": 512, "1K": 1024, "2K": 2048, "3K": 3072, "4K": 4096}
"""The side of a square of each image size, as the APIs name them."""
GRID = 16
"""Sides are multiples of this: models draw in blocks."""


def pixel_size(size: str, image_size: str) -> tuple[int, int]:
    """Width and height: pixels as written, or a ratio at about the area of its image size's square.

    "" and "auto" are 1:1 and 1K. A ratio is kept within 3 %, and as near as blocks allow. Raises ValueError for any
    other text.
    """
    side = SIDES.get(image_size.upper() or "1K")
    if side is None:
        raise ValueError(f'image_size "{image_size}" is not one of {", ".join(SIDES)}')
    pixels = pixels_of(size)
    if pixels is not None:
        return pixels
    ratio = ratio_of("1:1" if size in ("", "auto") else size)
    if ratio is None:
        raise ValueError(f'size "{size}" is neither a ratio nor pixels')
    short, long = _sides(max(ratio) / min(ratio), side * side)
    return (long, short) if ratio[0] >= ratio[1] else (short, long)


def _sides(ratio: float, area: int) -> tuple[int, int]:
    """The short and the long side. The long side is derived from the short one: rounding distorts it less."""
    nearest = round(math.sqrt(area / ratio) / GRID)
    pairs = ((blocks * GRID, round(blocks * ratio) * GRID) for blocks in range(max(1, nearest - 1), nearest + 2))
    return min(pairs, key=lambda pair: 4 * abs(pair[1] / pair[0] / ratio - 1) + abs(pair[0] * pair[1] / area - 1))
