"""Find the ends of attempts that a crash kept out of the journal: the store records the attempt of each image."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from reconciler.core.digest import RecipeKey
from reconciler.core.events import Durable, Stored, settle
from reconciler.core.lock.lockfile import Lock
from reconciler.core.ports import StoredImage


def unrecorded(events: Iterable[Durable], recall: Callable[[RecipeKey], Iterable[StoredImage]]) -> Iterator[Stored]:
    """The events that the journal would hold if the crash had come a moment later. Settle them after `events`."""
    for asked in settle(Lock(), events).in_doubt:
        for stored in recall(asked.key):
            if stored.attempt == asked.attempt:
                yield Stored(asked.attempt, asked.asset, asked.key, stored.content, stored.made)
