"""Collect the images for the report of costs: locked ones, and those with a record in the store."""

from __future__ import annotations

from reconciler.core.digest import RecipeKey
from reconciler.core.money.totals import Image
from reconciler.core.value import value
from reconciler.project.load import load_specs
from reconciler.project.workspace import Workspace


@value
class CostedImages:
    """The images of the lockfile, and every image that was generated or replaced in this checkout."""

    locked: tuple[Image, ...]
    ever: tuple[Image, ...]


def costed_images(workspace: Workspace) -> CostedImages:
    """The images with their tags. An image of the store has the tags of the assets that are locked to its recipe."""
    specs = load_specs(workspace).specs
    tags: dict[RecipeKey, dict[str, None]] = {}
    locked = []
    for asset, entry in workspace.locked().entries.items():
        its = specs[asset].tags if asset in specs else ()
        tags.setdefault(entry.key, {}).update(dict.fromkeys(its))
        locked.append(Image(entry.content, entry.made, its))
    ever = (Image(one.content, one.made, tuple(tags.get(key, ()))) for key, one in workspace.store.remembered())
    return CostedImages(tuple(locked), tuple(ever))
