"""Cut a draft with a transparent background out as a simple shape."""

from __future__ import annotations

import math
from functools import lru_cache

from PIL import Image, ImageDraw

from reconciler.core.value import value
from reconciler.providers.draft.colours import CARD, CLEAR

_FINE = 4
_COARSE = 2
_LARGE = 400
"""Pixels of the shorter side from which shapes are drawn twice as large and scaled down, not four times."""
_WIDE = 1.9
"""Images of at least this ratio have a box as their shape: any other would be distorted."""
_MARGIN = 0.04
_CURVE = 24
"""Points of a curve."""

Point = tuple[float, float]
TextRoom = tuple[float, float, float, float]


@value
class _Shape:
    """The outlines in a square of side 1, filled together, and the room inside them for text."""

    parts: tuple[tuple[Point, ...], ...]
    room: TextRoom


def shape_for(suggested: str, seed: bytes, size: tuple[int, int]) -> str:
    """The name of the shape: the suggested one, or one chosen by the seed."""
    if max(size) >= _WIDE * min(size):
        return "box"
    return suggested if suggested in _SHAPES else _ANY[seed[0] % len(_ANY)]


def cut_out(canvas: Image.Image, shape: str) -> TextRoom:
    """Make the canvas transparent outside the shape. Returns the room for text, in pixels."""
    mask = _mask(shape, canvas.size)
    edge = mask.point([round(value * CARD / 255) or CLEAR for value in range(256)])
    outside = mask.point([0 if value == 255 else 255 for value in range(256)])
    canvas.paste(edge, (0, 0), outside)
    width, height = canvas.size
    left, top, right, bottom = _SHAPES[shape].room
    return _x(left, width), _x(top, height), _x(right, width), _x(bottom, height)


@lru_cache(maxsize=8)
def _mask(shape: str, size: tuple[int, int]) -> Image.Image:
    """The antialiased mask of a shape. It is cached: do not draw on it."""
    fine = _FINE if min(size) < _LARGE else _COARSE
    width, height = size[0] * fine, size[1] * fine
    mask = Image.new("L", (width, height), 0)
    draw = ImageDraw.Draw(mask)
    for part in _box(size) if shape == "box" else _SHAPES[shape].parts:
        draw.polygon([(_x(x, width), _x(y, height)) for x, y in part], 255)
    return mask.reduce(fine)


def _x(part: float, side: int) -> float:
    return side * (_MARGIN + part * (1 - 2 * _MARGIN))


def _box(size: tuple[int, int]) -> tuple[tuple[Point, ...], ...]:
    """A box with corners that are round whatever the ratio."""
    across, down = (min(size) * 0.16 / side for side in size)
    corners = ((1 - across, down, -90), (1 - across, 1 - down, 0), (across, 1 - down, 90), (across, down, 180))
    return (tuple(point for x, y, turn in corners for point in _arc((x, y), across, down, turn, turn + 90)),)


def _arc(centre: Point, across: float, down: float, start: float, end: float) -> tuple[Point, ...]:
    """Points of an ellipse from one angle to another, in degrees, clockwise from the right."""
    angles = (math.radians(start + (end - start) * step / _CURVE) for step in range(_CURVE + 1))
    return tuple((centre[0] + across * math.cos(each), centre[1] + down * math.sin(each)) for each in angles)


def _disc(x: float, y: float, radius: float) -> tuple[Point, ...]:
    return (*_arc((x, y), radius, radius, 0, 180), *_arc((x, y), radius, radius, 180, 360))


def _star() -> tuple[Point, ...]:
    turns = (math.radians(36 * number - 90) for number in range(10))
    radii = (0.53 if number % 2 == 0 else 0.29 for number in range(10))
    return tuple((0.5 + r * math.cos(turn), 0.53 + r * math.sin(turn)) for r, turn in zip(radii, turns, strict=True))


def _heart() -> tuple[Point, ...]:
    def at(turn: float) -> Point:
        x = 16 * math.sin(turn) ** 3
        y = 13 * math.cos(turn) - 5 * math.cos(2 * turn) - 2 * math.cos(3 * turn) - math.cos(4 * turn)
        return 0.5 + x / 33, 0.43 - y / 31

    return tuple(at(math.tau * step / (4 * _CURVE)) for step in range(4 * _CURVE))


def _curve(start: Point, control: Point, end: Point) -> tuple[Point, ...]:
    """Points of a quadratic Bézier curve."""

    def along(step: float, axis: int) -> float:
        return (1 - step) ** 2 * start[axis] + 2 * step * (1 - step) * control[axis] + step**2 * end[axis]

    return tuple((along(step / _CURVE, 0), along(step / _CURVE, 1)) for step in range(_CURVE + 1))


def _mirrored(right: tuple[Point, ...]) -> tuple[Point, ...]:
    """A symmetric outline from its right half, from the top down."""
    return (*right, *((1 - x, y) for x, y in reversed(right)))


_BODY = _mirrored(((0.5, 0.42), *_curve((0.62, 0.42), (0.93, 0.46), (0.95, 1.0))))
_SHIELD = _mirrored(((0.5, 0.0), (0.94, 0.1), *_curve((0.94, 0.5), (0.92, 0.82), (0.5, 1.0))))
_DROP = _mirrored((*_curve((0.5, 0.0), (0.6, 0.2), (0.77, 0.377)), *_arc((0.5, 0.63), 0.37, 0.37, -43, 90)))
_GEM = ((0.24, 0.06), (0.76, 0.06), (1.0, 0.36), (0.5, 1.0), (0.0, 0.36))
_HEXAGON = ((0.26, 0.04), (0.74, 0.04), (1.0, 0.5), (0.74, 0.96), (0.26, 0.96), (0.0, 0.5))
_HOUSE = ((0.5, 0.0), (1.0, 0.42), (0.9, 0.42), (0.9, 1.0), (0.1, 1.0), (0.1, 0.42), (0.0, 0.42))
_NECK = ((0.37, 0.0), (0.63, 0.0), (0.63, 0.06), (0.6, 0.06), (0.6, 0.4), (0.4, 0.4), (0.4, 0.06), (0.37, 0.06))
_TRUNK = ((0.43, 0.6), (0.57, 0.6), (0.6, 1.0), (0.4, 1.0))
_FOOT = ((0.22, 0.5), (0.78, 0.5), (0.78, 0.86), (0.22, 0.86))

_SHAPES: dict[str, _Shape] = {
    "disc": _Shape((_disc(0.5, 0.5, 0.5),), (0.14, 0.22, 0.86, 0.78)),
    "hexagon": _Shape((_HEXAGON,), (0.15, 0.2, 0.85, 0.8)),
    "gem": _Shape((_GEM,), (0.17, 0.12, 0.83, 0.58)),
    "box": _Shape((), (0.06, 0.08, 0.94, 0.92)),
    "shield": _Shape((_SHIELD,), (0.13, 0.14, 0.87, 0.66)),
    "star": _Shape((_star(),), (0.24, 0.34, 0.76, 0.72)),
    "drop": _Shape((_DROP,), (0.19, 0.4, 0.81, 0.84)),
    "heart": _Shape((_heart(),), (0.15, 0.16, 0.85, 0.6)),
    "figure": _Shape((_BODY, _disc(0.5, 0.21, 0.21)), (0.15, 0.58, 0.85, 0.96)),
    "flask": _Shape((_NECK, _disc(0.5, 0.65, 0.35)), (0.22, 0.44, 0.78, 0.86)),
    "tree": _Shape((_disc(0.5, 0.36, 0.36), _TRUNK), (0.22, 0.14, 0.78, 0.58)),
    "house": _Shape((_HOUSE,), (0.14, 0.44, 0.86, 0.94)),
    "cloud": _Shape(
        (_FOOT, _disc(0.22, 0.65, 0.21), _disc(0.78, 0.65, 0.21), _disc(0.4, 0.42, 0.27), _disc(0.65, 0.45, 0.22)),
        (0.13, 0.4, 0.87, 0.84),
    ),
}
_ANY = ("disc", "hexagon", "gem", "box", "shield")
