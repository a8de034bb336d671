"""ThumbHash: a picture in about 25 bytes, for a page to show until the file has loaded.

The format is that of https://evanw.github.io/thumbhash/ (npm `thumbhash` 0.1.1). Numbers are added in the same order as
there, and not by `sum`, which is more exact in newer Pythons: in an even picture, the last bit decides how a term is
rounded.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import reduce
from itertools import repeat
from math import cos, floor, pi
from operator import add, mul

MOST_SIDE = 100
"""The most pixels of a side. More have no benefit."""

_Channel = list[float]
"""Values of all pixels, row by row."""


def thumbhash(width: int, height: int, rgba: bytes) -> bytes:
    """The hash of pixels that are not premultiplied: `width * height * 4` bytes, sides of 1 to 100."""
    alpha = [value / 255 for value in rgba[3::4]]
    shares = [a / 255 for a in alpha]
    visible = _total(alpha)
    red, green, blue = (
        _on_its_mean(list(map(mul, shares, rgba[band::4])), alpha, visible) for band in range(3)
    )  # on the mean colour where it is transparent
    lightness = [(r + g + b) / 3 for r, g, b in zip(red, green, blue, strict=True)]
    yellow = [(r + g) / 2 - b for r, g, b in zip(red, green, blue, strict=True)]
    reds = [r - g for r, g in zip(red, green, strict=True)]
    transparent = visible < width * height
    most, longest = 5 if transparent else 7, max(width, height)
    across, down = max(1, _round(most * width / longest)), max(1, _round(most * height / longest))

    def terms(channel: _Channel, columns: int, rows: int) -> tuple[float, list[float], float]:
        return _terms(channel, (width, height), columns, rows)

    l_mean, l_terms, l_scale = terms(lightness, max(3, across), max(3, down))
    p_mean, p_terms, p_scale = terms(yellow, 3, 3)
    q_mean, q_terms, q_scale = terms(reds, 3, 3)
    wide = width > height
    first = _round(63 * l_mean) | _round(31.5 + 31.5 * p_mean) << 6 | _round(31.5 + 31.5 * q_mean) << 12
    first |= _round(31 * l_scale) << 18 | transparent << 23
    second = (down if wide else across) | _round(63 * p_scale) << 3 | _round(63 * q_scale) << 9 | wide << 15
    head = first.to_bytes(3, "little") + second.to_bytes(2, "little")
    varying = [*l_terms, *p_terms, *q_terms]
    if transparent:
        a_mean, a_terms, a_scale = terms(alpha, 5, 5)
        head += bytes([_round(15 * a_mean) | _round(15 * a_scale) << 4])
        varying += a_terms
    steps = [_round(15 * term) for term in varying] + [0]
    return head + bytes(low | high << 4 for low, high in zip(steps[::2], steps[1::2], strict=False))


def mean_colour(rgba: bytes) -> str:
    """The mean of the visible pixels as `#rrggbb`; black where none is."""
    alpha = rgba[3::4]
    visible = sum(alpha)
    means = (_round(sum(map(mul, rgba[band::4], alpha)) / visible) if visible else 0 for band in range(3))
    return "#" + "".join(f"{mean:02x}" for mean in means)


def _terms(channel: _Channel, size: tuple[int, int], columns: int, rows: int) -> tuple[float, list[float], float]:
    """The mean of a channel, its other cosine terms from 0 to 1, and their largest amount: low frequencies only."""
    width, height = size
    waves = [[cos(pi / width * cx * (x + 0.5)) for x in range(width)] * height for cx in range(columns)]
    across = [list(map(mul, channel, wave)) for wave in waves]
    found = []
    for cy in range(rows):
        wave = [value for y in range(height) for value in repeat(cos(pi / height * cy * (y + 0.5)), width)]
        low = [cx for cx in range(columns) if cx * rows < columns * (rows - cy)]
        found += [_total(map(mul, across[cx], wave)) / (width * height) for cx in low]
    mean, *varying = found
    scale = max(map(abs, varying), default=0.0)
    return mean, [0.5 + 0.5 / scale * term for term in varying] if scale else varying, scale


def _on_its_mean(weighted: _Channel, alpha: _Channel, visible: float) -> _Channel:
    """A colour, weighted by alpha, on the mean of what is visible of it."""
    mean = _total(weighted) / visible if visible else 0.0
    return [mean * (1 - a) + value for value, a in zip(weighted, alpha, strict=True)]


def _total(values: Iterable[float]) -> float:
    return reduce(add, values, 0.0)


def _round(number: float) -> int:
    """As JavaScript rounds: a half up."""
    return floor(number + 0.5)
