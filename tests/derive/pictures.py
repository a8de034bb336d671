"""Pictures that are drawn the same everywhere: integers alone, no font, no filter."""

from __future__ import annotations

import hashlib
from pathlib import Path

from PIL import Image, ImageDraw

from reconciler.core.derived.work import Master
from reconciler.core.digest import AssetId, ContentHash

PAINTED_GREEN = (8, 162, 24)
"""The colour that a model paints for flat #00ff00."""


def scene(width: int = 96, height: int = 64) -> Image.Image:
    """A gradient with blocks: every pixel is different from its neighbours, and no half is like the other."""
    image = Image.new("RGB", (width, height))
    image.putdata([((7 * x) % 256, (5 * y) % 256, (x * y) % 256) for y in range(height) for x in range(width)])
    draw = ImageDraw.Draw(image)
    draw.rectangle((10, 8, 30, 20), fill=(250, 20, 20))
    draw.rectangle((60, 40, 80, 60), fill=(20, 20, 250))
    return image


def sprite(side: int = 48) -> Image.Image:
    """A shape with soft edges in the middle of nothing."""
    image = Image.new("RGBA", (side, side))
    draw = ImageDraw.Draw(image)
    draw.rectangle((9, 12, 33, 30), fill=(200, 60, 40, 255))
    draw.rectangle((12, 31, 28, 36), fill=(40, 150, 150, 140))
    draw.point((20, 5), fill=(255, 255, 255, 6))
    return image


def on_green(side: int = 64) -> Image.Image:
    """A subject of three colours on a painted background, with a mixed edge of one pixel."""
    image = Image.new("RGB", (side, side), PAINTED_GREEN)
    draw = ImageDraw.Draw(image)
    draw.rectangle((15, 15, 49, 49), fill=(104, 101, 32))
    draw.rectangle((16, 16, 48, 48), fill=(200, 40, 40))
    draw.rectangle((20, 20, 30, 44), fill=(120, 140, 60))
    draw.rectangle((34, 20, 44, 44), fill=(40, 150, 150))
    return image


def pixels_hash(image: Image.Image) -> str:
    """A hash of the mode, the size and the pixels, not of a file's bytes."""
    head = f"{image.mode} {image.width}x{image.height} ".encode()
    return hashlib.sha256(head + image.tobytes()).hexdigest()[:16]


def a_master(folder: Path, image: Image.Image, name: str = "master", form: str = "png", **options: object) -> Master:
    """A master in a file."""
    path = folder / f"{name}.{form}"
    image.save(path, form, **options)
    return Master(AssetId(name), ContentHash("sha256:" + hashlib.sha256(path.read_bytes()).hexdigest()), path)
