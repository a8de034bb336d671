"""Admit requests to a provider in FIFO order, within its limits; stop the lane on errors that affect every request."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable
from datetime import timedelta
from typing import Any

from reconciler.core.digest import AssetId
from reconciler.core.events import Noted
from reconciler.core.fit import Misfit
from reconciler.core.mismatch import taken
from reconciler.core.outcome import Done, Mismatched, NotSent, Outcome, Rejected, Stop, Throttled
from reconciler.core.ports import ImageRequest, Log, OnResponse, Provider, ignore_response
from reconciler.core.value import replace
from reconciler.engine.clock import Clock, stamp
from reconciler.engine.lane.limits import OPEN_SECONDS, PARK_OVER, Limits, Permit, limits
from reconciler.engine.lane.reach import Reach

NO_ASSET = AssetId("")
MISFITS_TO_STOP = 3
"""Images of one model in one run with the same fault. More of them would be bought to fail the same check."""
FAR = timedelta(days=366)
"""The longest Retry-After that messages show: adding a longer one could overflow a datetime."""


class Lane:
    """The queue in front of one provider. Belongs to one event loop.

    A model whose images have failed the same check all but one of MISFITS_TO_STOP times is a suspect: until one of its
    images fits, its requests are sent one after the other.

    The first request in the queue waits for the limits. The others wait for `_door`, an `asyncio.Lock`, which is FIFO.
    """

    def __init__(self, name: str, *, concurrency: int, requests_per_minute: int, clock: Clock, progress: Log) -> None:
        self.name = name
        self._limits: Limits = limits(concurrency, requests_per_minute)
        self._clock = clock
        self._progress = progress
        self._door = asyncio.Lock()
        self._closed = asyncio.Event()
        self._answer: NotSent | None = None
        self._models: dict[str, NotSent] = {}
        self._misfits: Counter[tuple[str, str]] = Counter()
        self._suspects: set[str] = set()
        self._open: Counter[str] = Counter()
        self._change: asyncio.Future[None] | None = None
        self._reach = Reach()

    def drain(self, message: str = "interrupted") -> None:
        """Admit no more requests; those in flight finish. Queued and later requests get NotSent with the message."""
        self._close(NotSent(message, final=True, stop=Stop.INTERRUPTED))

    async def pause(self, seconds: float) -> None:
        """Sleep until the time is over or the lane is closed."""
        await _first_of(self._clock.sleep(seconds), self._closed.wait())

    async def enter(self, model: str) -> Permit | NotSent:
        """Wait for a concurrency slot. NotSent instead of a permit is final: the lane is closed, or closed to this
        model."""
        async with self._door:
            while (answer := self._answer or self._models.get(model)) is None:
                now, ready = self._clock.monotonic(), self._limits.ready_at()
                if model in self._suspects and self._open[model]:
                    ready = None  # the next outcome may stop this model
                if ready is not None and ready <= now:
                    permit = self._limits.permit()
                    self._limits = self._limits.sent(now)
                    self._open[model] += 1
                    return permit
                await self._changed_or(None if ready is None else ready - now)
            return answer

    def response_complete(self, permit: Permit) -> Permit:
        """Release the concurrency slot: the response is complete, though not durable yet."""
        self._limits = self._limits.response_complete()
        self._poke()
        return replace(permit, response_complete=True)

    def abandon(self, permit: Permit, *, model: str) -> None:
        """Release the slot of a request without an outcome: cancelled, or failed on the local disk."""
        self._open[model] -= 1
        self._limits = self._limits.abandoned(permit)
        self._poke()

    def land(self, permit: Permit, outcome: Outcome, request: ImageRequest) -> Outcome:
        """Adjust the limits by an outcome, and return the outcome to report for the asset."""
        model = request.recipe.model
        self._open[model] -= 1
        before, now = self._limits, self._clock.monotonic()
        if self._reach.missed(outcome, now):
            self._limits = before.abandoned(permit).held(self._reach.next_at)
            if now >= self._reach.next_at:
                outcome = NotSent(f"{self.name} is unreachable: {outcome.message}", final=True, stop=Stop.UNREACHABLE)
                self._close(outcome)
            self._poke()
            return outcome
        self._limits = after = before.landed(permit, outcome, now)
        self._poke()
        match outcome:
            case Done():
                self._suspects.discard(model)
            case Rejected(stop=Stop() as stop):
                self._stop(stop, stop.value, outcome.message)
                return outcome
            case Throttled(later=str(later), of_model=of_model) if later:
                return self._park(later, outcome.message, model=model if of_model else "")
            case Throttled(retry_after=wait) if wait is not None and wait > PARK_OVER:
                return self._stop(Stop.PARKED, self._come_back(wait), outcome.message)
            case Mismatched(misfit=misfit, done=done):
                if taken(done.image, misfit, request.recipe, request.on_mismatch) is None:
                    self._count(model, misfit)
                return outcome
        if after.breaker.exhausted:
            why = f"{Stop.BREAKER.value}; {self._come_back(OPEN_SECONDS[-1])}"
            self._stop(Stop.BREAKER, why, outcome.message)
        elif after.breaker.openings > before.breaker.openings:
            self._note(f"{Stop.BREAKER.value}; pausing {before.breaker.next_pause:.0f} s: {outcome.message}")
        elif after.held_until > now >= before.held_until:
            self._note(f"rate limited, waiting {after.held_until - now:.0f} s: {outcome.message}")
        return outcome

    def _count(self, model: str, misfit: Misfit) -> None:
        """Send no more requests to a model that has failed the same check several times."""
        self._misfits[model, misfit.fault] += 1
        if self._misfits[model, misfit.fault] == MISFITS_TO_STOP - 1:
            self._suspects.add(model)
        if self._misfits[model, misfit.fault] < MISFITS_TO_STOP or model in self._models:
            return
        why = f"{model or 'the model'} gave {MISFITS_TO_STOP} images with the same fault"
        self._note(f"stopped for {model or 'its model'}: {why}")
        message = f"{self.name} is stopped for this model: {why}: {misfit.message}"
        self._models[model] = NotSent(message, final=True, stop=Stop.MISMATCHES)
        self._poke()

    def _park(self, later: str, message: str, *, model: str) -> NotSent:
        if not model:
            return self._stop(Stop.PARKED, later, message)
        if model not in self._models:
            self._note(f"stopped for {model}: {later}")
        answer = NotSent(f"{self.name} is stopped for {model}: {later}: {message}", final=True, stop=Stop.PARKED)
        self._models.setdefault(model, answer)
        self._poke()
        return answer

    def _stop(self, stop: Stop, why: str, message: str) -> NotSent:
        if self._answer is None:
            self._note(f"stopped: {why}")  # each asset that is not sent has the provider's message
        answer = NotSent(f"{self.name} is stopped: {why}: {message}", final=True, stop=stop)
        self._close(answer)
        return answer

    def _close(self, answer: NotSent) -> None:
        if self._answer is None:  # later reasons follow from the first
            self._answer = answer
        self._closed.set()
        self._poke()

    def _come_back(self, seconds: float) -> str:
        wait = FAR if seconds >= FAR.total_seconds() else timedelta(seconds=seconds)
        return f"come back at {stamp(self._clock.utc() + wait)}"

    def _note(self, text: str) -> None:
        self._progress.record(Noted(NO_ASSET, f"{self.name}: {text}"))

    def _poke(self) -> None:
        if self._change is not None and not self._change.done():
            self._change.set_result(None)

    async def _changed_or(self, seconds: float | None) -> None:
        # the future exists before the first await, so no change is missed in between
        self._change = asyncio.get_running_loop().create_future()
        if seconds is None:
            await self._change
        else:
            await _first_of(self._change, self._clock.sleep(seconds))


class Limited:
    """A Provider that sends through a lane. A local error (a full disk) drains the lane: the next image would be lost,
    too."""

    def __init__(self, inner: Provider, *, lane: Lane) -> None:
        self._inner = inner
        self._lane = lane

    async def generate(self, request: ImageRequest, *, on_response: OnResponse = ignore_response) -> Outcome:
        admitted = await self._lane.enter(request.recipe.model)
        if isinstance(admitted, NotSent):
            return admitted
        permit = admitted

        def response_complete() -> None:
            nonlocal permit
            permit = self._lane.response_complete(permit)
            on_response()

        try:
            outcome = await self._inner.generate(request, on_response=response_complete)
        except asyncio.CancelledError:
            self._lane.abandon(permit, model=request.recipe.model)
            raise
        except Exception:
            self._lane.drain("not sent: an earlier image could not be recorded")
            self._lane.abandon(permit, model=request.recipe.model)
            raise
        return self._lane.land(permit, outcome, request)


async def _first_of(*waits: Awaitable[Any]) -> None:
    """Wait until one has finished, and cancel the others."""
    futures = {asyncio.ensure_future(wait) for wait in waits}
    try:
        await asyncio.wait(futures, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for future in futures:
            future.cancel()
