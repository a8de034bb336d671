"""The colours of a draft: a hue derived from its prompt, with enough contrast to be read, in a palette of 256."""

from __future__ import annotations

import math

from reconciler.core.value import value

CLEAR = 0
"""The transparent palette index. From here to `CARD` the opacity of the card's colour grows."""
CARD = 15
INK = CARD + 12
"""Few steps between card and ink: enough for smooth letters, few enough for small files, which are committed."""
PICTURES = INK + 1
"""The first palette index of the thumbnails."""
PICTURE_COLOURS = 48

Colour = tuple[int, int, int]


@value
class _Tone:
    """Lightness and chroma (OKLCH) of the card and of its text, and the range of hues."""

    card: tuple[float, float]
    ink: tuple[float, float]
    hues: tuple[float, float] = (135.0, 290.0)  # start and width in degrees; dark yellows look muddy


_TONES = (
    _Tone((0.30, 0.075), (0.96, 0.035)),
    _Tone((0.36, 0.095), (0.97, 0.04)),
    _Tone((0.42, 0.12), (0.985, 0.03)),
    _Tone((0.90, 0.06), (0.25, 0.07), (0.0, 360.0)),
    _Tone((0.94, 0.035), (0.27, 0.085), (0.0, 360.0)),
)
_DRIFT = 35.0
"""Degrees of hue between card and ink: two hues look better than one."""


def level(strength: float) -> int:
    """The palette index between the card (0) and the ink (1)."""
    return CARD + round((INK - CARD) * strength)


def palette(seed: bytes) -> tuple[Colour, ...]:
    """The colours from `CLEAR` to `INK` for a seed of at least three bytes."""
    tone = _TONES[seed[0] % len(_TONES)]
    hue = tone.hues[0] + tone.hues[1] * (seed[1] << 8 | seed[2]) / 65536
    ramp = [_between(tone, hue, step / (INK - CARD)) for step in range(INK - CARD + 1)]
    return (*([ramp[0]] * CARD), *ramp)


def opacities() -> bytes:
    """The opacity of each index up to `CARD`; all others are opaque."""
    return bytes(round(255 * index / CARD) for index in range(CARD + 1))


def _between(tone: _Tone, hue: float, step: float) -> Colour:
    lightness, chroma = (a + (b - a) * step for a, b in zip(tone.card, tone.ink, strict=True))
    return _srgb(lightness, chroma, hue + _DRIFT * step)


def _srgb(lightness: float, chroma: float, hue: float) -> Colour:
    """OKLCH as sRGB, clipped to its gamut. The matrices: https://bottosson.github.io/posts/oklab/."""
    a, b = chroma * math.cos(math.radians(hue)), chroma * math.sin(math.radians(hue))
    long = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3
    medium = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3
    short = (lightness - 0.0894841775 * a - 1.2914855480 * b) ** 3
    return (
        _channel(4.0767416621 * long - 3.3077115913 * medium + 0.2309699292 * short),
        _channel(-1.2684380046 * long + 2.6097574011 * medium - 0.3413193965 * short),
        _channel(-0.0041960863 * long - 0.7034186147 * medium + 1.7076147010 * short),
    )


def _channel(linear: float) -> int:
    clipped = min(max(linear, 0.0), 1.0)
    return round(255 * (12.92 * clipped if clipped <= 0.0031308 else 1.055 * clipped ** (1 / 2.4) - 0.055))
