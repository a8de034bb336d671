"""Record each attempt before and after it, so that a crash neither pays twice nor loses a paid image."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime

from reconciler.aio import is_cancelled, run_to_completion
from reconciler.core.errors import DiskError, Unsent
from reconciler.core.events import Ended, Requested
from reconciler.core.fit import Misfit
from reconciler.core.lock.lockfile import Made
from reconciler.core.money.cost import Cost
from reconciler.core.outcome import BadOutput, Done, InDoubt, Mismatched, Outcome, Running, Spooled
from reconciler.core.ports import ImageRequest, Log, OnResponse, Provider, Store, StoredImage, ignore_response
from reconciler.core.unrecorded import end_of
from reconciler.core.value import replace
from reconciler.engine.clock import stamp

Estimate = Callable[[ImageRequest], Cost | None]
"""The estimated price of one attempt; None if unknown."""


class Recorded:
    """A Provider with every attempt in the journal: `Requested` before it, an end after it. In doubt: no end."""

    def __init__(
        self,
        inner: Provider,
        *,
        provider: str,
        store: Store,
        journal: Log,
        estimate: Estimate,
        new_attempt: Callable[[], str],
        utc: Callable[[], datetime],
    ) -> None:
        self._inner = inner
        self._provider = provider
        self._store = store
        self._journal = journal
        self._estimate = estimate
        self._new_attempt = new_attempt
        self._utc = utc

    async def generate(self, request: ImageRequest, *, on_response: OnResponse = ignore_response) -> Outcome:
        """Raises DiskError, which is final; its message names the file that holds the paid image."""
        attempt = request.attempt or self._new_attempt()
        named = replace(request, attempt=attempt)
        await self._begin(attempt, request)
        # a cancellation or a local error from here on: no end is recorded, so the attempt is in doubt
        try:
            outcome = await self._inner.generate(named, on_response=on_response)
        except Unsent as error:
            with suppress(DiskError):  # the first error is raised
                await run_to_completion(
                    None, self._journal.record, Ended(attempt, request.asset, "NotSent", error.fact)
                )
            raise
        except DiskError as error:
            raise DiskError(f"{error.fact}; in doubt, it may have been charged", hint=error.hint) from error
        return await run_to_completion(None, self._end, attempt, request, outcome)

    async def _begin(self, attempt: str, request: ImageRequest) -> None:
        cost = _text(self._estimate(request))
        at = stamp(self._utc())
        begin = Requested(attempt, request.asset, request.key, self._provider, cost, at, request.retry_of)
        await run_to_completion(None, self._journal.record, begin)
        if is_cancelled():
            end = Ended(attempt, request.asset, "NotSent", "interrupted before it was sent")
            await run_to_completion(None, self._journal.record, end)
            raise asyncio.CancelledError

    def _end(self, attempt: str, request: ImageRequest, outcome: Outcome) -> Outcome:
        """Record an outcome. Blocking, and never interrupted by a cancellation. Returns the outcome with the path of
        its bytes in the store and the recorded cost."""
        match outcome:
            case Done():
                return self._stored(attempt, request, outcome)
            case Mismatched(misfit=misfit, done=done):
                return replace(outcome, done=self._stored(attempt, request, done, misfit))
            case InDoubt() | Running():
                return outcome
            case BadOutput(kept=Spooled() as kept):
                path = self._store.put(kept)
                self._ended(attempt, request, outcome, kept=kept)
                return replace(outcome, kept=replace(kept, path=path))
            case _:
                self._ended(attempt, request, outcome)
                return outcome

    def _stored(self, attempt: str, request: ImageRequest, done: Done, misfit: Misfit | None = None) -> Done:
        cost = done.cost or self._estimate(request)
        made = Made(
            provider=self._provider,
            at=stamp(self._utc()),
            model=done.model or request.recipe.model,
            request=done.request,
            cost=_text(cost),
            usage=done.usage,
        )
        content = done.spooled.content
        path = self._store.put(done.spooled)  # its DiskError names the rescue file
        try:
            image = StoredImage(content, done.image, made, attempt, misfit)
            known = self._store.remember(request.key, image)
            self._journal.record(end_of(attempt, request.asset, request.key, image))
        except DiskError as error:
            raise DiskError(f"{error.fact}; the paid image is in {path}", hint=error.hint) from error
        return replace(done, spooled=replace(done.spooled, path=path), cost=cost, made=known.made)

    def _ended(self, attempt: str, request: ImageRequest, outcome: Outcome, *, kept: Spooled | None = None) -> None:
        message = "" if isinstance(outcome, Done) else outcome.message
        content = kept.content if kept else None
        self._journal.record(Ended(attempt, request.asset, type(outcome).__name__, message, content))


def _text(cost: Cost | None) -> str:
    return "" if cost is None else str(cost)
