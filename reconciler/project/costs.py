"""Collect the images for the report of costs: locked ones, and those with a record in the store."""

from __future__ import annotations

from collections.abc import Mapping

from reconciler.core.digest import AssetId, RecipeKey
from reconciler.core.lock.lockfile import Answer
from reconciler.core.money.totals import Image
from reconciler.core.value import value
from reconciler.project.load import load_specs
from reconciler.project.workspace import Workspace


@value
class CostedImages:
    """The images of the lockfile, every image that was generated or replaced in this checkout, and the answers that are
    in neither: no image, or one in the store of another checkout."""

    locked: tuple[Image, ...]
    ever: tuple[Image, ...]
    answered: Mapping[AssetId, Answer]


def costed_images(workspace: Workspace) -> CostedImages:
    """The images with their tags. An image of the store has the tags of the assets that are locked to its recipe."""
    specs = load_specs(workspace).specs
    tags: dict[RecipeKey, dict[str, None]] = {}
    locked = []
    lock = workspace.locked()
    for asset, entry in lock.entries.items():
        its = specs[asset].tags if asset in specs else ()
        tags.setdefault(entry.key, {}).update(dict.fromkeys(its))
        locked.append(Image(entry.original or entry.content, entry.made, its))
    ever = [
        Image(one.original or one.content, one.made, tuple(tags.get(key, ())))
        for key, one in workspace.store.remembered()
    ]
    known = {image.content for image in (*locked, *ever)}
    by_key = {answer.key: asset for asset, answer in lock.answers.items() if answer.content not in known}
    return CostedImages(tuple(locked), tuple(ever), {asset: lock.answers[asset] for asset in by_key.values()})
