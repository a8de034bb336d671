"""A provider that draws stripes on this machine: free, without a key, the same bytes for the same request."""

from __future__ import annotations

import asyncio
import hashlib
import io

from PIL import Image

from reconciler.core.digest import content_hash
from reconciler.core.images.pixel_size import pixel_size
from reconciler.core.images.sniff import ImageFacts, sniff
from reconciler.core.money.cost import FREE
from reconciler.core.outcome import Done, Outcome, Rejected, Spooled
from reconciler.core.ports import ImageRequest, OnResponse, Spool, ignore_response


class Stripes:
    """Draws stripes in two colours that are made from the recipe."""

    def __init__(self, spool: Spool) -> None:
        self._spool = spool

    async def generate(self, request: ImageRequest, *, on_response: OnResponse = ignore_response) -> Outcome:
        """One image, or the reason that there is none."""
        recipe = request.recipe
        if recipe.images():
            return Rejected("stripes have no reference images")
        try:
            size = pixel_size(recipe.size, recipe.image_size)
        except ValueError as error:
            return Rejected(str(error))
        data = await asyncio.to_thread(draw, request.key, size, recipe.format)
        facts = sniff(data)
        if not isinstance(facts, ImageFacts):
            return Rejected(f"stripes cannot be written as {recipe.format}: {facts.why}")
        path, file = self._spool.open()  # no await from here on: a cancelled call leaves no file
        with file:
            file.write(data)
        return Done(Spooled(path, content_hash(data), len(data)), facts, model="stripes", cost=FREE)


def draw(seed: str, size: tuple[int, int], form: str) -> bytes:
    """Stripes as a file of this format."""
    colours = hashlib.sha256(seed.encode()).digest()
    picture = Image.new("RGB", size, tuple(colours[:3]))
    for left in range(0, size[0], 16):
        picture.paste(tuple(colours[3:6]), (left, 0, min(left + 8, size[0]), size[1]))
    buffer = io.BytesIO()
    picture.save(buffer, form)
    return buffer.getvalue()
