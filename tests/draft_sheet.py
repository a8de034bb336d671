"""Draw docs/drafts.png, a contact sheet of drafts: run `python -m tests.draft_sheet` when drafts look different.

The extra `fonts` must be installed: `pip install '.[fonts]'`.
"""

from __future__ import annotations

import io
from pathlib import Path

from PIL import Image, ImageDraw

from reconciler.core.digest import AssetId
from reconciler.core.ports import ImageRequest
from reconciler.core.recipe import Recipe
from reconciler.engine.references import LocalReferences
from reconciler.providers.draft.provider import draw

PICTURE = Path(__file__).parents[1] / "docs" / "drafts.png"
SIDE, GAP, COLUMNS, SQUARE = 200, 8, 6, 10
FLAT = "flat"
DRAFTS = (
    ("tiles/red-lava", "Red lava, glowing cracks", "", ""),
    ("tiles/blue-water", "Blue water, gentle waves", "", ""),
    ("items/gold", "A pile of gold coins", "", ""),
    ("tiles/grass", "Grass, a lush meadow", "", ""),
    ("scenes/night", "A village at night, warm lanterns", "", ""),
    ("tiles/dark-red", "A dark red brick wall", "", ""),
    ("ui/panel", "A panel with an ornate frame", "", FLAT),
    ("ui/slot", "An inventory slot", "", FLAT),
    ("ui/cursor", "A cursor in the shape of a hand", "", FLAT),
    ("items/potion", "A potion of lime juice", "transparent", ""),
    ("hero", "A knight in silver armour", "transparent", ""),
    ("items/shield", "A wooden shield", "transparent", ""),
    ("items/heart", "A red heart", "transparent", ""),
    ("tree", "A tree with green leaves", "transparent", ""),
    ("water-drop", "A drop of water", "transparent", ""),
    ("灯台/夕暮れ", "夕暮れの崖に立つ灯台、穏やかな海。", "", ""),
    ("أيقونات/سيف-ذهبي", "سيف ذهبي مرصع بالجواهر", "", FLAT),
    ("סמלים/חרב-אש", "חרב בוערת עם ידית זהב", "", ""),
)


def sheet() -> Image.Image:
    """The drafts in rows, on the chequers that stand for transparency."""
    rows = -(-len(DRAFTS) // COLUMNS)
    whole = Image.new("RGB", (COLUMNS * (SIDE + GAP) + GAP, rows * (SIDE + GAP) + GAP), (255, 255, 255))
    pen = ImageDraw.Draw(whole)
    for y in range(0, whole.height, SQUARE):
        for x in range((y // SQUARE % 2) * SQUARE, whole.width, 2 * SQUARE):
            pen.rectangle((x, y, x + SQUARE - 1, y + SQUARE - 1), (232, 232, 232))
    for number, (asset, prompt, background, family) in enumerate(DRAFTS):
        recipe = Recipe(prompt, background=background)
        request = ImageRequest(AssetId(asset), recipe, recipe.key(), family=family)
        with Image.open(io.BytesIO(draw(request, (2 * SIDE, 2 * SIDE), LocalReferences()))) as drawn:
            draft = drawn.convert("RGBA").resize((SIDE, SIDE), Image.Resampling.LANCZOS)
        row, column = divmod(number, COLUMNS)
        whole.paste(draft, (GAP + column * (SIDE + GAP), GAP + row * (SIDE + GAP)), draft)
    return whole


if __name__ == "__main__":
    sheet().quantize(200, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE).save(PICTURE, optimize=True)
