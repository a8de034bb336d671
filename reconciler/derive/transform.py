"""Carry out one operation on pixels. The picture is RGB or RGBA, and stays one.

Imported by the confined process alone.
"""

from __future__ import annotations

from PIL import Image, ImageChops

from reconciler.core.derived.crop_box import crop_box, start_of
from reconciler.core.derived.operations import ColourKey, Crop, Operation, Pad, Palette, Resize, Trim
from reconciler.derive.colour_key import keyed

MOST_RESULT = 50_000_000
"""The most pixels of a result."""
_FILTERS = {
    "lanczos": Image.Resampling.LANCZOS,
    "box": Image.Resampling.BOX,
    "nearest": Image.Resampling.NEAREST,
}


_Box = tuple[float, float, float, float]
"""Left, top, right, bottom."""


class NothingLeftError(Exception):
    """Every pixel is transparent."""


class TooLargeError(Exception):
    """The result would have too many pixels."""

    def __init__(self, width: int, height: int) -> None:
        super().__init__(width, height)
        self.size = width, height


def transformed(image: Image.Image, operation: Operation) -> Image.Image:
    """The picture after an operation; the same one if nothing changes."""
    match operation:
        case ColourKey():
            return keyed(image, operation)
        case Trim():
            return _trimmed(image, operation)
        case Pad():
            return _padded(image, operation.pixels, operation.colour)
        case Resize():
            return _resized(image, operation)
        case Crop():
            return _cropped(image, operation)
        case Palette():
            return _reduced(image, operation)


def _trimmed(image: Image.Image, trim: Trim) -> Image.Image:
    box: tuple[int, int, int, int] | None = (0, 0, *image.size)
    if image.mode == "RGBA":
        box = image.getchannel("A").point([255 * (alpha > trim.threshold) for alpha in range(256)]).getbbox()
    if box is None:
        raise NothingLeftError
    cut = image if box == (0, 0, *image.size) else image.crop(box)
    return _padded(cut, trim.padding, "")


def _padded(image: Image.Image, pixels: int, colour: str) -> Image.Image:
    if not pixels:
        return image
    return _on_canvas(image, (image.width + 2 * pixels, image.height + 2 * pixels), colour)


def _on_canvas(image: Image.Image, size: tuple[int, int], colour: str) -> Image.Image:
    """The picture in the middle of a canvas; "" is a transparent one."""
    _allow(*size)
    at = (size[0] - image.width) // 2, (size[1] - image.height) // 2
    if colour:
        canvas = Image.new("RGB", size, colour)
        if image.mode == "RGBA":
            canvas.paste(image.convert("RGB"), at, image.getchannel("A"))
        else:
            canvas.paste(image, at)
        return canvas
    clear = Image.new("RGBA", size)
    clear.paste(image, at)
    return clear


def _allow(width: int, height: int) -> None:
    if width * height > MOST_RESULT:
        raise TooLargeError(width, height)


def _resized(image: Image.Image, resize: Resize) -> Image.Image:
    width, height = _box(image.size, resize)
    filter_ = _FILTERS[resize.filter]
    across, down = width / image.width, height / image.height
    match resize.fit:
        case "cover":
            scale = max(across, down)
            part = width / scale, height / scale
            return _scaled(image, (width, height), filter_, _about(image.size, part, resize.focus))
        case "fill":
            return _scaled(image, (width, height), filter_)
        case _:
            scale = min(across, down)
            size = max(1, round(image.width * scale)), max(1, round(image.height * scale))
            fitted = _scaled(image, (min(size[0], width), min(size[1], height)), filter_)
            if resize.fit == "inside" or fitted.size == (width, height):
                return fitted
            return _on_canvas(fitted, (width, height), resize.background)


def _box(size: tuple[int, int], resize: Resize) -> tuple[int, int]:
    """The box in pixels: complete, and no larger than the picture allows."""
    own_width, own_height = size
    width = resize.width or max(1, round(resize.height * own_width / own_height))
    height = resize.height or max(1, round(width * own_height / own_width))
    if not resize.enlarge:
        across, down = own_width / width, own_height / height
        most = min(across, down) if resize.fit in ("cover", "fill") else max(across, down)
        if most < 1:
            width, height = max(1, round(width * most)), max(1, round(height * most))
    _allow(width, height)
    return width, height


def _scaled(
    image: Image.Image,
    size: tuple[int, int],
    filter_: Image.Resampling,
    box: tuple[float, float, float, float] | None = None,
) -> Image.Image:
    if size == image.size and box in (None, (0, 0, *image.size)):
        return image
    return image.resize(size, filter_, box=box)


def _about(size: tuple[int, int], part: tuple[float, float], focus: tuple[int, int]) -> _Box:
    """A part of a picture, as near around the focus as it lies inside."""
    edges = []
    for whole, length, point in zip(size, part, focus, strict=True):
        length = min(length, whole)
        start = start_of(whole, length, point)
        edges.append((start, start + length))
    (left, right), (top, bottom) = edges
    return left, top, right, bottom


def _cropped(image: Image.Image, crop: Crop) -> Image.Image:
    """The largest part of this ratio, in whole pixels."""
    box = crop_box(image.width, image.height, crop)
    return image if box == (0, 0, *image.size) else image.crop(box)


def _reduced(image: Image.Image, palette: Palette) -> Image.Image:
    """Few colours, and hard alpha. Transparent pixels do not count when the colours are chosen."""
    opaque = None
    if image.mode == "RGBA":
        opaque = image.getchannel("A").point([255 * (alpha >= 128) for alpha in range(256)])
        if opaque.getbbox() is None:
            raise NothingLeftError
    rgb = image.convert("RGB")
    dither = Image.Dither.FLOYDSTEINBERG if palette.dither != "none" else Image.Dither.NONE
    colours = [_channels(colour) for colour in palette.listed] or _chosen(rgb, opaque, palette.colours)
    table = Image.new("P", (1, 1))
    table.putpalette([band for colour in (colours * 256)[:256] for band in colour])
    reduced = rgb.quantize(palette=table, dither=dither).convert("RGB")
    if opaque is not None:
        reduced.paste((0, 0, 0), mask=ImageChops.invert(opaque))
        reduced.putalpha(opaque)
    return reduced


def _channels(colour: str) -> tuple[int, int, int]:
    red, green, blue = bytes.fromhex(colour[1:7])
    return red, green, blue


def _chosen(rgb: Image.Image, opaque: Image.Image | None, most: int) -> list[tuple[int, int, int]]:
    """The colours that median cut finds, those that the most pixels have."""
    counted = rgb
    if opaque is not None and opaque.getextrema() != (255, 255):
        counted = _filled(rgb, opaque)
        most_found = min(256, most + 1)
    else:
        most_found = most
    found = counted.quantize(most_found, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    counts = found.histogram(opaque)[:256]
    flat = found.getpalette("RGB") or []
    used = sorted(
        (index for index in range(len(flat) // 3) if counts[index]), key=lambda index: (-counts[index], index)
    )
    return [(flat[3 * index], flat[3 * index + 1], flat[3 * index + 2]) for index in used[:most]]


def _filled(rgb: Image.Image, opaque: Image.Image) -> Image.Image:
    """Transparent pixels in the mean colour of the others: one colour more, which is then not used."""
    total = opaque.histogram()[255]
    bands = [band.histogram(opaque) for band in rgb.split()]
    mean = tuple(round(sum(value * count for value, count in enumerate(band)) / total) for band in bands)
    filled = Image.new("RGB", rgb.size, (mean[0], mean[1], mean[2]))
    filled.paste(rgb, mask=opaque)
    return filled
