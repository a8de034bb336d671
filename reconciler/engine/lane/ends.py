"""Record the outcome of one attempt: its bytes go into the store, then its end into the journal."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from reconciler.core.errors import DiskError
from reconciler.core.events import Ended
from reconciler.core.fit import Misfit
from reconciler.core.lock.lockfile import Made
from reconciler.core.money.cost import Cost
from reconciler.core.outcome import BadOutput, Done, InDoubt, Mismatched, Outcome, Running, Spooled
from reconciler.core.ports import ImageRequest, Log, Store, StoredImage
from reconciler.core.unrecorded import end_of
from reconciler.core.value import replace
from reconciler.engine.clock import stamp


class Ends:
    """The ends of the attempts of one provider. Blocking; a cancellation must not interrupt it.

    `via` is the way in which its images come, as in `Made`.
    """

    def __init__(
        self, *, provider: str, store: Store, journal: Log, utc: Callable[[], datetime], via: str = ""
    ) -> None:
        self._provider = provider
        self._store = store
        self._journal = journal
        self._utc = utc
        self._via = via

    def record(self, request: ImageRequest, outcome: Outcome, estimate: Cost | None) -> Outcome:
        """Record the outcome of `request.attempt`. Returns it with the path of its bytes in the store and the cost.

        An attempt in doubt, and one whose job still runs, has no end.
        """
        match outcome:
            case Done():
                return self._stored(request, outcome, estimate)
            case Mismatched(misfit=misfit, done=done):
                return replace(outcome, done=self._stored(request, done, estimate, misfit))
            case InDoubt() | Running():
                return outcome
            case BadOutput(kept=Spooled() as kept):
                path = self._store.put(kept)
                self._ended(request, outcome, kept=kept)
                return replace(outcome, kept=replace(kept, path=path))
            case _:
                self._ended(request, outcome)
                return outcome

    def _stored(self, request: ImageRequest, done: Done, estimate: Cost | None, misfit: Misfit | None = None) -> Done:
        cost = done.cost or estimate
        made = Made(
            provider=self._provider,
            at=stamp(self._utc()),
            model=done.model or request.recipe.model,
            request=done.request,
            cost=cost_text(cost),
            usage=done.usage,
            via=self._via,
        )
        content = done.spooled.content
        path = self._store.put(done.spooled)  # its DiskError names the rescue file
        try:
            image = StoredImage(content, done.image, made, request.attempt, misfit)
            known = self._store.remember(request.key, image)
            self._journal.record(end_of(request.attempt, request.asset, request.key, image))
        except DiskError as error:
            raise DiskError(f"{error.fact}; the paid image is in {path}", hint=error.hint) from error
        return replace(done, spooled=replace(done.spooled, path=path), cost=cost, made=known.made)

    def _ended(self, request: ImageRequest, outcome: Outcome, *, kept: Spooled | None = None) -> None:
        message = "" if isinstance(outcome, Done) else outcome.message
        content = kept.content if kept else None
        self._journal.record(Ended(request.attempt, request.asset, type(outcome).__name__, message, content))


def cost_text(cost: Cost | None) -> str:
    """A cost as the journal and the lockfile have it; "" is unknown."""
    return "" if cost is None else str(cost)
