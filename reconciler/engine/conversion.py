"""Give an image the format of its output. The bytes that a provider sent stay in the store."""

from __future__ import annotations

import asyncio
from pathlib import Path

from reconciler.core.derived.operations import Crop
from reconciler.core.digest import RecipeKey
from reconciler.core.errors import DiskError
from reconciler.core.lock.lockfile import LockEntry
from reconciler.core.mismatch import HOLD, OnMismatch, taken
from reconciler.core.ports import Converter, Outputs, Store, StoredImage
from reconciler.core.recipe import Recipe
from reconciler.engine.report import DISK_ERROR, Result, StepError

_AT_ONCE = 2
"""Each may need 200 MB."""


class Conversions:
    """The conversions of one run, or of one command."""

    def __init__(self, store: Store, outputs: Outputs, converter: Converter) -> None:
        self._store = store
        self._outputs = outputs
        self._converter = converter
        self._places = asyncio.Semaphore(_AT_ONCE)

    async def entry(
        self, output: str, recipe: Recipe, image: StoredImage, *, path: str, policy: OnMismatch = HOLD
    ) -> LockEntry:
        """The lock entry of an image, in the recipe's format, cropped if it does not fit and `policy` says so. `path`
        is where its bytes may lie, beside the store."""
        how = taken(image.image, image.misfit, recipe, policy) if image.misfit is not None else None
        crop = how.crop if how is not None else None
        if image.image.format == recipe.format and crop is None:
            return entry_of(output, recipe, image)
        async with self._places:
            return await asyncio.to_thread(self.entry_now, output, recipe, image, path=path, crop=crop)

    def entry_now(
        self, output: str, recipe: Recipe, image: StoredImage, *, path: str, crop: Crop | None = None
    ) -> LockEntry:
        """The same, blocking. Raises StepError."""
        return entry_of(output, recipe, self.given(recipe.key(), image, recipe.format, path=path, crop=crop))

    def given(
        self, key: RecipeKey, image: StoredImage, format_: str, *, path: str, crop: Crop | None = None
    ) -> StoredImage:
        """The image in this format, in the store under this recipe. Blocking. Raises StepError."""
        if image.image.format == format_ and crop is None:
            return image
        original = image.original or image.content
        for known in self._store.recall(key) if crop is None else ():
            same_pixels = (known.misfit is None) == (image.misfit is None)  # else one of them is cropped
            if known.original == original and known.image.format == format_ and same_pixels:
                return known
        try:
            source = self._store.find(image.content) or self._outputs.fetch(image.content, path)
            if source is None:
                raise StepError(Result.FAILED, f"no source has the bytes of {path} ({image.content})", DISK_ERROR)
            return self._new(key, image, source, format_, crop)
        except (DiskError, OSError) as error:
            why = error.fact if isinstance(error, DiskError) else str(error.strerror)
            raise StepError(Result.FAILED, f"cannot convert the image: {why}", DISK_ERROR) from error

    def _new(self, key: RecipeKey, image: StoredImage, source: Path, format_: str, crop: Crop | None) -> StoredImage:
        made = self._converter.convert(source, format_, crop)
        if isinstance(made, str):
            message = f"the image is {image.image.format} and cannot be converted to {format_}: {made}"
            hint = f"nothing is paid again: give the asset an output that ends in .{image.image.format}"
            raise StepError(Result.FAILED, message, "NotConverted", hint)
        self._store.put(made.spooled)
        original = image.original or image.content
        misfit = image.misfit if crop is None else None  # cropped, it has the ratio
        record = StoredImage(made.spooled.content, made.image, image.made, misfit=misfit, original=original)
        return self._store.remember(key, record)


def entry_of(output: str, recipe: Recipe, image: StoredImage) -> LockEntry:
    """The lock entry of an image in the format of its output."""
    key, manifest = recipe.key(), recipe.manifest()
    return LockEntry(output, image.content, image.image, key, manifest, image.made, image.original)
