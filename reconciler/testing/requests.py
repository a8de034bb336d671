"""Requests for images and reference files, for tests of a provider."""

from __future__ import annotations

from pathlib import Path

from reconciler.core.digest import AssetId, ContentHash, content_hash
from reconciler.core.ports import ImageRequest, References
from reconciler.core.recipe import Recipe
from reconciler.testing.gateway.pictures import picture


def a_request(recipe: Recipe) -> ImageRequest:
    """A request for an image by this recipe."""
    return ImageRequest(AssetId("asset"), recipe, recipe.key())


def some_references(folder: Path, count: int, references: References) -> tuple[ContentHash, ...]:
    """Different images in files of this folder, shared with the provider."""
    folder.mkdir(exist_ok=True)
    paths = [folder / f"reference-{number}.png" for number in range(count)]
    for number, path in enumerate(paths):
        path.write_bytes(picture("png", 64, 64, bytes([65 + number]) * 16).data)
    contents = tuple(content_hash(path.read_bytes()) for path in paths)
    for content, path in zip(contents, paths, strict=True):
        references.share(content, path)
    return contents
