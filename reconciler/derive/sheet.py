"""Cut sprites out, and draw the pages of an atlas. Imported by the confined process alone."""

from __future__ import annotations

from PIL import Image

from reconciler.core.value import value
from reconciler.derive.wire import PageRequest, PlacedPixels


@value
class CutOut:
    """A sprite without its transparent border: `left` and `top` are its place in its source."""

    image: Image.Image
    source: tuple[int, int]
    left: int
    top: int


def visible_part(image: Image.Image, *, whole: bool) -> CutOut:
    """The visible part of a picture, or all of it."""
    rgba = image.convert("RGBA")
    box = None if whole else rgba.getchannel("A").getbbox()
    if whole:
        box = (0, 0, *rgba.size)
    if box is None:
        return CutOut(Image.new("RGBA", (1, 1)), rgba.size, 0, 0)
    return CutOut(rgba.crop(box), rgba.size, box[0], box[1])


def drawn(page: PageRequest) -> Image.Image:
    """The page: every sprite at its place, with its outermost pixels repeated around it."""
    sheet = Image.new("RGBA", (page.width, page.height))
    for piece in page.pieces:
        _draw(sheet, piece, page.extrude)
    return sheet


def _draw(sheet: Image.Image, piece: PlacedPixels, extrude: int) -> None:
    width, height = piece.width, piece.height
    image = Image.frombytes("RGBA", (width, height), piece.pixels)
    sheet.paste(image, (piece.x, piece.y))
    if not extrude:
        return
    nearest = Image.Resampling.NEAREST
    columns = ((0, piece.x - extrude, extrude), (width - 1, piece.x + width, extrude), (None, piece.x, width))
    rows = ((0, piece.y - extrude, extrude), (height - 1, piece.y + height, extrude), (None, piece.y, height))
    for column, x, across in columns:
        for row, y, down in rows:
            if column is not None or row is not None:
                left, right = (0, width) if column is None else (column, column + 1)
                top, bottom = (0, height) if row is None else (row, row + 1)
                edge = image.crop((left, top, right, bottom))
                sheet.paste(edge.resize((across, down), nearest), (x, y))
