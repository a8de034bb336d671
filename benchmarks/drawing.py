"""Draw drafts and drop them: `python -m benchmarks.drawing COUNT`, what of an apply of drafts is Pillow's."""

from __future__ import annotations

import sys

from benchmarks.projects import name, prompt
from reconciler.core.digest import AssetId
from reconciler.core.images.pixel_size import pixel_size
from reconciler.core.ports import ImageRequest
from reconciler.core.recipe import Recipe
from reconciler.engine.references import LocalReferences
from reconciler.providers.draft.provider import draw

if __name__ == "__main__":
    for number in range(int(sys.argv[1])):
        recipe = Recipe(prompt(number), model="gemini-2.5-flash-image", size="16:9", image_size="1K")
        draw(ImageRequest(AssetId(name(number)), recipe, recipe.key()), pixel_size("16:9", "1K"), LocalReferences())
