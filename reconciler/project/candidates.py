"""List the images that were generated for one recipe. Locking another of them is free."""

from __future__ import annotations

from reconciler.core.candidates import Candidate
from reconciler.core.digest import RecipeKey
from reconciler.core.lock.lockfile import LockEntry
from reconciler.core.plan.observed import NONE_REJECTED, Rejections
from reconciler.core.ports import Store


def candidates(
    store: Store, key: RecipeKey, *, entry: LockEntry | None, rejected: Rejections = NONE_REJECTED
) -> tuple[Candidate, ...]:
    """The images in the store that were generated for a recipe: those that do not fit it, too, but no drafts and no
    conversions. `entry` is the lock entry of the asset."""
    locked = (entry.content, entry.original) if entry is not None else ()
    made = [one for one in store.recall(key) if not one.made.placeholder and one.original is None]
    found = ((one, store.find(one.content)) for one in made)
    held = [(one, path) for one, path in found if path is not None]
    return tuple(
        Candidate(number, one, path, locked=one.content in locked, rejected=rejected.of_existing(one.content))
        for number, (one, path) in enumerate(held, 1)
    )
