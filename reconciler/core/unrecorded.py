"""Find the ends of attempts that a crash kept out of the journal: the store records the attempt of each image."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from reconciler.core.digest import AssetId, RecipeKey
from reconciler.core.events import Durable, Ended, Stored, of_requests, settle
from reconciler.core.lock.lockfile import Lock
from reconciler.core.outcome import Mismatched
from reconciler.core.ports import StoredImage


def unrecorded(
    events: Iterable[Durable], recall: Callable[[RecipeKey], Iterable[StoredImage]]
) -> Iterator[tuple[RecipeKey, Stored | Ended]]:
    """The events that the journal would hold if the crash had come a moment later, each with the recipe that the store
    has them under. Settle them after `events`."""
    settled = settle(Lock(), of_requests(events))
    for asked in (*settled.in_doubt, *(waiting.requested for waiting in settled.waiting)):
        for stored in recall(asked.key):
            if asked.attempt in (stored.attempt, *stored.repeats):
                yield asked.key, end_of(asked.attempt, asked.asset, asked.key, stored)


def end_of(attempt: str, asset: AssetId, key: RecipeKey, stored: StoredImage) -> Stored | Ended:
    """The end of a request whose image the store has."""
    if stored.misfit is not None:
        return Ended(attempt, asset, Mismatched.__name__, stored.misfit.message, stored.content)
    return Stored(attempt, asset, key, stored.content, stored.made)
