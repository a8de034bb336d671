"""Draw placeholders, offline and free.

The same request gives the same bytes with the same version of Pillow, and the same fonts for scripts beyond Latin.
"""

from __future__ import annotations

import asyncio
import hashlib
import io
import re
from collections.abc import Iterator

from PIL import Image

from reconciler.core.digest import content_hash
from reconciler.core.images.sniff import ImageFacts, sniff
from reconciler.core.money.cost import FREE
from reconciler.core.outcome import Done, Outcome, Rejected, Spooled
from reconciler.core.ports import ImageRequest, OnResponse, References, Spool, ignore_response
from reconciler.core.recipe import Recipe, TextPart, Turn, comparable
from reconciler.providers.draft.card import Card, paint
from reconciler.providers.draft.colours import scheme
from reconciler.providers.draft.silhouette import shape_for
from reconciler.providers.draft.thumbnails import Thumbnail
from reconciler.providers.draft.words import colours, shape
from reconciler.providers.models.sizes import given_pixels
from reconciler.providers.models.table import model_table

MODEL = "draft"
PIXEL_LIMIT = 64_000_000
SIDE_LIMIT = 16_383
"""The longest side of a WebP file, in pixels; the limit for all formats."""

_PROMPT_READ = 20_000
"""Characters of a prompt that determine its colours."""


class Draft:
    """The provider that needs no network and no key."""

    def __init__(self, spool: Spool, references: References) -> None:
        self._spool = spool
        self._references = references

    async def generate(self, request: ImageRequest, *, on_response: OnResponse = ignore_response) -> Outcome:
        """A card of the pixels that the model of the recipe gives, in its format. Rejected if the size is invalid or
        too large."""
        try:
            size = given_pixels(request.recipe, model_table().find(request.recipe.model))
        except ValueError as error:
            return Rejected(str(error))
        if max(size) > SIDE_LIMIT or size[0] * size[1] > PIXEL_LIMIT:
            return Rejected(f"{size[0]}x{size[1]} pixels are more than a draft can have")
        data = await asyncio.to_thread(draw, request, size, self._references)
        facts = sniff(data)
        if not isinstance(facts, ImageFacts):
            return Rejected(f"the draft cannot be written as {request.recipe.format}: {facts.why}")
        # Not in the thread: without an await nothing can be cancelled from here on, so no file is left behind.
        return Done(self._write(data), facts, model=MODEL, cost=FREE)

    def _write(self, data: bytes) -> Spooled:
        path, file = self._spool.open()
        try:
            with file:
                file.write(data)
        except BaseException:
            path.unlink(missing_ok=True)
            raise
        return Spooled(path, content_hash(data), len(data))


def draw(request: ImageRequest, size: tuple[int, int], references: References) -> bytes:
    """The encoded card."""
    recipe = request.recipe
    named = zip(_labels(recipe), map(references.fetch, recipe.images()), strict=False)
    thumbnails = tuple(Thumbnail(label, file) for label, file in named if file is not None)
    return _encode(paint(card(request, size, thumbnails)), recipe.format)


def card(request: ImageRequest, size: tuple[int, int], thumbnails: tuple[Thumbnail, ...] = ()) -> Card:
    """The texts, colours and pictures of a draft."""
    recipe = request.recipe
    takes = (f"take {recipe.take}",) if recipe.take > 1 else ()
    own = _seed(comparable(recipe.prompt[:_PROMPT_READ]))
    family = _seed(request.family) if request.family else own
    key = _seed(request.key)
    cut = recipe.background == "transparent" and recipe.format != "jpeg"
    return Card(
        size=size,
        name=request.asset,
        notes=(f"{size[0]}x{size[1]} {recipe.format}", *takes, "draft"),
        paragraphs=(recipe.prompt, *map(_spoken, recipe.turns)),
        pictures=thumbnails,
        colours=scheme(colours(recipe.prompt), family=family, own=own),
        pattern=(family if request.family else key, key),
        shape=shape_for(_suggested(request), own, size) if cut else "",
    )


def _suggested(request: ImageRequest) -> str:
    """The shape that the last part of the id suggests, or the prompt."""
    return shape(re.split("[/#]", request.asset)[-1]) or shape(request.recipe.prompt)


def _labels(recipe: Recipe) -> Iterator[str]:
    """Labels for `recipe.images()`, endless: the prompt may refer to "image 1"."""
    yield from (str(number) for number, _ in enumerate(recipe.references, 1))
    if recipe.mask:
        yield "mask"
    while True:
        yield "turn"


def _spoken(turn: Turn) -> str:
    said = (part.text if isinstance(part, TextPart) else "[image]" for part in turn.parts)
    return f"{turn.role}: {' '.join(said)}"


def _seed(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()


def _encode(picture: Image.Image, format: str) -> bytes:  # noqa: A002  the recipe's own word
    """The file. Every option that could differ between machines is fixed."""
    buffer = io.BytesIO()
    if format == "png":
        picture.save(buffer, "PNG", compress_level=8, optimize=False)
    elif format == "jpeg":
        picture.convert("RGB").save(buffer, "JPEG", quality=82, subsampling=0, optimize=False)
    else:
        colours = picture.convert("RGBA" if "transparency" in picture.info else "RGB")
        if format == "webp":
            colours.save(buffer, "WEBP", lossless=True, quality=30, method=2)
        elif format == "avif":
            colours.save(buffer, "AVIF", quality=80, speed=10, subsampling="4:4:4", max_threads=1)
    return buffer.getvalue()
