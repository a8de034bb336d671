"""Requests for images and reference files, for tests of a provider."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from reconciler.core.digest import AssetId, content_hash
from reconciler.core.ports import ImageRequest, ReferenceFile
from reconciler.core.recipe import Recipe
from reconciler.testing.gateway.pictures import picture


def a_request(
    recipe: Recipe,
    response_complete: Callable[[], None] = lambda: None,
    *,
    references: tuple[ReferenceFile, ...] = (),
) -> ImageRequest:
    """A request for an image by this recipe, whose references are these files."""
    return ImageRequest(
        AssetId("asset"), recipe, recipe.key(), references=references, response_complete=response_complete
    )


def some_references(folder: Path, count: int) -> tuple[ReferenceFile, ...]:
    """Different images in files of this folder."""
    folder.mkdir(exist_ok=True)
    paths = [folder / f"reference-{number}.png" for number in range(count)]
    for number, path in enumerate(paths):
        path.write_bytes(picture("png", 64, 64, bytes([65 + number]) * 16).data)
    return tuple(ReferenceFile(content_hash(path.read_bytes()), path) for path in paths)
