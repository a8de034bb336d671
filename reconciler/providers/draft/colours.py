"""The colours of a draft, with enough contrast to be read, in a palette of 256.

A colour word of the prompt gives the colour. Without one, it comes from the family of the draft: drafts of one style
have neighbouring hues and the same lightness.
"""

from __future__ import annotations

import math

from reconciler.core.value import replace, value
from reconciler.providers.draft.words import Swatch

CLEAR = 0
"""The transparent palette index. From here to `CARD` the opacity of the card's colour grows."""
CARD = 15
INK = CARD + 12
"""Few steps between card and ink: enough for smooth letters, few enough for small files, which are committed."""
ACCENTS = (CARD + 1, CARD + 2)
"""The first steps after the card have the hue of the second colour word: the pattern has these colours. In the edges of
letters, which have them too, this is not seen."""
PICTURES = INK + 1
"""The first palette index of the thumbnails."""
PICTURE_COLOURS = 48

Colour = tuple[int, int, int]


@value
class Scheme:
    """The colours of the card, of its pattern and of its text."""

    card: Swatch
    accent: Swatch
    ink: Swatch


@value
class _Tone:
    """Lightness and chroma of a card whose prompt names no colour, and the range of its hues."""

    lightness: float
    chroma: float
    hues: tuple[float, float] = (135.0, 290.0)  # start and width in degrees; dark yellows look muddy


_TONES = (
    _Tone(0.30, 0.075),
    _Tone(0.36, 0.095),
    _Tone(0.41, 0.115),
    _Tone(0.90, 0.06, (0.0, 360.0)),
    _Tone(0.94, 0.035, (0.0, 360.0)),
)
_DRIFT = 35.0
"""Degrees of hue between card and ink: two hues look better than one."""
_NEIGHBOURS = 40.0
"""Degrees of hue that the drafts of one family share."""
_DARK = 0.6
"""Cards below this lightness have light ink."""
_ACCENT_STEP = 0.034
"""The difference in lightness between the card and the first accent, and the second."""


def level(strength: float) -> int:
    """The palette index between the card (0) and the ink (1)."""
    return CARD + round((INK - CARD) * strength)


def scheme(swatches: tuple[Swatch, ...], *, family: bytes, own: bytes) -> Scheme:
    """The colours for the colour words of a prompt, at most two.

    `family` and `own` are seeds of at least three bytes: of the draft's style, and of its prompt.
    """
    if swatches:
        return _around(swatches[0], swatches[-1])
    tone = _TONES[family[0] % len(_TONES)]
    middle = tone.hues[1] * _fraction(family)
    spread = _NEIGHBOURS * (_fraction(own) - 0.5) if family != own else 0.0
    hue = tone.hues[0] + min(max(middle + spread, 0.0), tone.hues[1])
    card = Swatch(tone.lightness, tone.chroma, hue)
    return _around(card, card)


def palette(chosen: Scheme) -> tuple[Colour, ...]:
    """The colours from `CLEAR` to `INK`."""
    ramp = [_srgb(_between(chosen.card, chosen.ink, step / (INK - CARD))) for step in range(INK - CARD + 1)]
    for number, index in enumerate(ACCENTS, 1):
        ramp[index - CARD] = _srgb(_towards_ink(chosen, number))
    return (*([ramp[0]] * CARD), *ramp)


def opacities() -> bytes:
    """The opacity of each index up to `CARD`; all others are opaque."""
    return bytes(round(255 * index / CARD) for index in range(CARD + 1))


def _around(card: Swatch, accent: Swatch) -> Scheme:
    dark = card.lightness < _DARK
    chroma = min(card.chroma, 0.12)
    ink = Swatch(0.98, chroma * 0.3, card.hue + _DRIFT) if dark else Swatch(0.24, chroma * 0.6, card.hue + _DRIFT)
    return Scheme(card, accent, ink)


def _towards_ink(chosen: Scheme, number: int) -> Swatch:
    """The accent's hue at nearly the lightness of the card: text is read on it as on the card."""
    way = 1 if chosen.card.lightness < _DARK else -1
    lightness = chosen.card.lightness + way * number * _ACCENT_STEP
    return replace(chosen.accent, lightness=lightness)


def _between(card: Swatch, ink: Swatch, step: float) -> Swatch:
    return Swatch(
        card.lightness + (ink.lightness - card.lightness) * step,
        card.chroma + (ink.chroma - card.chroma) * step,
        card.hue + (ink.hue - card.hue) * step,
    )


def _fraction(seed: bytes) -> float:
    return (seed[1] << 8 | seed[2]) / 65536


def _srgb(swatch: Swatch) -> Colour:
    """OKLCH as sRGB, clipped to its gamut. The matrices: https://bottosson.github.io/posts/oklab/."""
    lightness, angle = swatch.lightness, math.radians(swatch.hue)
    a, b = swatch.chroma * math.cos(angle), swatch.chroma * math.sin(angle)
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
