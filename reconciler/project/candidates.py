"""List the images that were generated for one recipe. Locking another of them is free."""

from __future__ import annotations

from reconciler.core.candidates import Candidate
from reconciler.core.digest import ContentHash, RecipeKey
from reconciler.core.ports import Store


def candidates(store: Store, key: RecipeKey, *, locked: ContentHash | None) -> tuple[Candidate, ...]:
    """The images of a recipe in the store, drafts excluded."""
    made = [one for one in store.recall(key) if not one.made.placeholder]
    found = ((one, store.find(one.content)) for one in made)
    held = [(one, path) for one, path in found if path is not None]
    return tuple(
        Candidate(number, one, path, locked=one.content == locked) for number, (one, path) in enumerate(held, 1)
    )
