"""Make a flat background transparent: the key colour is measured, and taken out of the pixels of the edge.

Models do not paint the colour that they are asked for, so it is measured at the border. A pixel's distance from it is
one of hue alone, max(|dCb|, |dCr|): shadows on the background go, and no brightness of the subject. A pixel is opaque
from the distance `to` on; within two pixels of the background only from that of the subject beside it, since a mixed
pixel of a strong colour is far from the key, too. Colours change only where alpha does; everywhere else the subject
keeps them exactly.

The picture is read in strips, so that a large one takes no more than itself and the result. Imported by the confined
process alone.
"""

from __future__ import annotations

from typing import cast

from PIL import Image, ImageChops, ImageColor, ImageFilter

from reconciler.core.derived.operations import AUTO, ColourKey

_BORDER = 8
"""Pixels of the border on each side that are measured."""
_NEAR = 24
_FLAT = 0.6
"""The border is flat if so much of it is as near as that to its median, in each band."""
_STRIP_PIXELS = 1 << 19
_REACH = 4
"""Pixels around a pixel that decide about it: two for its alpha, and two for whether that varies."""


class NotFlatError(Exception):
    """The border has no one colour. `percent` of it are near to the median."""

    def __init__(self, percent: int) -> None:
        super().__init__(percent)
        self.percent = percent


class NoHueError(Exception):
    """The background is grey, and a key removes all that has its hue: every grey of the subject."""


def keyed(image: Image.Image, key: ColourKey) -> Image.Image:
    """The picture with the background transparent, RGBA."""
    colour = _measured(image) if key.colour == AUTO else ImageColor.getrgb(key.colour)[:3]
    hue = _hue(colour)
    if max(abs(value - 128) for value in hue) <= key.from_:
        raise NoHueError
    width, height = image.size
    rows = max(1, _STRIP_PIXELS // width)
    result = Image.new("RGBA", image.size)
    for top in range(0, height, rows):
        above, below = max(0, top - _REACH), min(height, top + rows + _REACH)
        strip = _strip(image.crop((0, above, width, below)), colour, hue, key)
        result.paste(strip.crop((0, top - above, width, min(top + rows, height) - above)), (0, top))
    return result


def _strip(image: Image.Image, colour: tuple[int, int, int], hue: tuple[int, int], key: ColourKey) -> Image.Image:
    rgb = image.convert("RGB")
    _, blue, red = rgb.convert("YCbCr").split()
    alpha = _alpha(ImageChops.lighter(_away(blue, hue[0]), _away(red, hue[1])), key)
    if image.mode == "RGBA":
        alpha = ImageChops.darker(alpha, image.getchannel("A"))
    bands = [
        ImageChops.subtract(band, alpha.point([round(value * (255 - each) / 255) for each in range(256)]))
        for band, value in zip(rgb.split(), colour, strict=True)
    ]
    unmixed = Image.merge("RGBa", (*bands, alpha)).convert("RGBA")
    rgb.paste(unmixed.convert("RGB"), mask=_edges(alpha))
    rgb.putalpha(alpha)
    rgb.paste((0, 0, 0, 0), mask=alpha.point([255] + [0] * 255))
    return rgb


def _alpha(distance: Image.Image, key: ColourKey) -> Image.Image:
    """The opacity of each pixel by its distance; beside the background by its part of the subject's distance."""
    alpha = distance.point(_opacities(key))
    subject = _most(distance).point([max(value, key.to) - key.from_ for value in range(256)])
    own = distance.point([max(value - key.from_, 0) for value in range(256)])
    part = Image.merge("RGBa", (own, own, own, subject)).convert("RGBA").getchannel(0)  # divides by the last band
    beside = _least(alpha).point([255] + [0] * 255)
    return Image.composite(part, alpha, beside)


def _edges(alpha: Image.Image) -> Image.Image:
    """Where the alpha of the 5x5 pixels around is not the same everywhere."""
    return ImageChops.subtract(_most(alpha), _least(alpha)).point([0] + [255] * 255)


def _most(band: Image.Image) -> Image.Image:
    """The maximum of the 5x5 pixels around."""
    return band.filter(ImageFilter.MaxFilter(3)).filter(ImageFilter.MaxFilter(3))


def _least(band: Image.Image) -> Image.Image:
    return band.filter(ImageFilter.MinFilter(3)).filter(ImageFilter.MinFilter(3))


def _away(band: Image.Image, middle: int) -> Image.Image:
    return band.point([abs(value - middle) for value in range(256)])


def _opacities(key: ColourKey) -> list[int]:
    """Alpha for each distance: linear between the two of the key."""
    across = max(1, key.to - key.from_)
    return [min(255, max(0, round(255 * (distance - key.from_) / across))) for distance in range(256)]


def _hue(colour: tuple[int, int, int]) -> tuple[int, int]:
    _, blue, red = cast("tuple[int, int, int]", Image.new("RGB", (1, 1), colour).convert("YCbCr").getpixel((0, 0)))
    return blue, red


def _measured(image: Image.Image) -> tuple[int, int, int]:
    """The median of the four borders. Raises NotFlatError."""
    border = _border(image)
    total = border.width * border.height
    medians = [_median(band.histogram(), total) for band in border.split()]
    near = [
        band.point([255 * (abs(value - median) <= _NEAR) for value in range(256)])
        for band, median in zip(border.split(), medians, strict=True)
    ]
    flat = ImageChops.darker(ImageChops.darker(near[0], near[1]), near[2]).histogram()[255] / total
    if flat < _FLAT:
        raise NotFlatError(int(100 * flat))
    return medians[0], medians[1], medians[2]


def _border(image: Image.Image) -> Image.Image:
    """The pixels of the four borders, in one row of pictures; the corners count once."""
    width, height = image.size
    deep, wide = min(_BORDER, (height + 1) // 2), min(_BORDER, (width + 1) // 2)
    boxes = [(0, 0, width, deep), (0, height - deep, width, height)]
    boxes += [(0, deep, wide, height - deep), (width - wide, deep, width, height - deep)]
    data = b"".join(image.crop(box).convert("RGB").tobytes() for box in boxes if box[1] < box[3])
    return Image.frombytes("RGB", (len(data) // 3, 1), data)


def _median(histogram: list[int], total: int) -> int:
    seen = 0
    for value, count in enumerate(histogram):
        seen += count
        if 2 * seen >= total:
            return value
    return 255
