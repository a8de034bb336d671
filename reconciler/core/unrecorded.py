"""Find the ends that a death kept out of the journal: the store has the answer, with the attempt that it answers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from reconciler.core.digest import RecipeKey
from reconciler.core.events import Durable, Stored, settle
from reconciler.core.lock.lockfile import Lock
from reconciler.core.ports import StoredImage


def unrecorded(events: Iterable[Durable], recall: Callable[[RecipeKey], Iterable[StoredImage]]) -> Iterator[Stored]:
    """What the journal would say if the death had come a moment later. Settle it after `events`."""
    for asked in settle(Lock(), events).in_doubt:
        for stored in recall(asked.key):
            if stored.attempt == asked.attempt:
                yield Stored(asked.attempt, asked.asset, asked.key, stored.content, stored.made)
