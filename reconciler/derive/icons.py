"""Draw icons from one picture. Imported by the confined process alone.

The safe zone is measured on what was drawn: the farthest pixel that is not the background must lie inside the circle
that no mask cuts; until it does, the picture is drawn smaller.
"""

from __future__ import annotations

import math

from PIL import Image, ImageChops

from reconciler.core.derived.icon_sets import IconFile
from reconciler.core.derived.operations import Encoding
from reconciler.imaging.encoders import encoded, encoded_ico

_LIKE = 8
"""A pixel that differs less than that from the background in each band is background."""


def icon(
    master: Image.Image, file: IconFile, *, background: str, padding: int, mark: tuple[str, ...] = ()
) -> tuple[tuple[int, int], bytes]:
    """The size and the bytes of an icon. An ICO file has no place for a mark."""
    images = [_drawn(master, file, side, background, padding) for side in sorted(file.sizes, reverse=True)]
    data = encoded_ico(images) if file.path.endswith(".ico") else encoded(images[0], Encoding("png", mark=mark))
    return images[0].size, data


def reach(image: Image.Image, background: str) -> float:
    """The distance from the middle to the farthest corner of a pixel that is not the background, in pixels."""
    mask = _seen(image, background)
    middle_x, middle_y = image.width / 2, image.height / 2
    farthest = 0.0
    for y in range(image.height):
        row = mask.crop((0, y, image.width, y + 1)).getbbox()
        if row:
            across = max(abs(row[0] - middle_x), abs(row[2] - middle_x))
            down = max(abs(y - middle_y), abs(y + 1 - middle_y))
            farthest = max(farthest, math.hypot(across, down))
    return farthest


def _drawn(master: Image.Image, file: IconFile, side: int, background: str, padding: int) -> Image.Image:
    room = max(1.0, side * (1 - 2 * padding / 1000))
    drawn = _on(master, side, room, background if file.opaque else "")
    while file.safe:
        most, found = side * file.safe / 1000, reach(drawn, background)
        if found <= most or room <= 1:
            break
        room = max(1.0, min(room * most / found, room - 1))
        drawn = _on(master, side, room, background if file.opaque else "")
    return drawn


def _on(master: Image.Image, side: int, room: float, background: str) -> Image.Image:
    """The picture in a box of `room` pixels, in the middle of a square."""
    scale = room / max(master.size)
    size = max(1, round(master.width * scale)), max(1, round(master.height * scale))
    small = master.resize(size, Image.Resampling.LANCZOS).convert("RGBA")
    at = ((side - size[0]) // 2, (side - size[1]) // 2)
    square = Image.new("RGBA", (side, side), background or (0, 0, 0, 0))
    square.alpha_composite(small, at)
    return square.convert("RGB") if background else square


def _seen(image: Image.Image, background: str) -> Image.Image:
    """255 where a pixel is neither transparent nor the background."""
    if image.mode == "RGBA":
        return image.getchannel("A").point([0] + [255] * 255)
    away = ImageChops.difference(image, Image.new("RGB", image.size, background))
    red, green, blue = away.split()
    most = ImageChops.lighter(ImageChops.lighter(red, green), blue)
    return most.point([255 * (value >= _LIKE) for value in range(256)])
