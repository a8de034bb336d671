"""Record each attempt before and after it, so that a crash neither pays twice nor loses a paid image."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime

from reconciler.aio import is_cancelled, run_to_completion
from reconciler.core.errors import DiskError, JobGoesOn, Unsent
from reconciler.core.events import Ended, Requested
from reconciler.core.money.cost import Cost
from reconciler.core.outcome import Outcome
from reconciler.core.ports import ImageRequest, Log, OnResponse, Provider, Store, ignore_response
from reconciler.core.value import replace
from reconciler.engine.clock import stamp
from reconciler.engine.lane.ends import Ends, cost_text

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
        self._ends = Ends(provider=provider, store=store, journal=journal, utc=utc)
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
        except JobGoesOn:
            raise
        except DiskError as error:
            raise DiskError(f"{error.fact}; in doubt, it may have been charged", hint=error.hint) from error
        return await run_to_completion(None, self._ends.record, named, outcome, self._estimate(request))

    async def _begin(self, attempt: str, request: ImageRequest) -> None:
        cost = cost_text(self._estimate(request))
        at = stamp(self._utc())
        begin = Requested(attempt, request.asset, request.key, self._provider, cost, at, request.retry_of)
        await run_to_completion(None, self._journal.record, begin)
        if is_cancelled():
            end = Ended(attempt, request.asset, "NotSent", "interrupted before it was sent")
            await run_to_completion(None, self._journal.record, end)
            raise asyncio.CancelledError
