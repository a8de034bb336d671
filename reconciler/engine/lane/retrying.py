"""Retry where a retry is free and may succeed: never after bytes were sent without a definite response.

Source: docs/providers.md, "Numbers".
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from reconciler.core.events import Noted
from reconciler.core.outcome import NotSent, Outcome, Rejected, Stop, Throttled
from reconciler.core.ports import ImageRequest, Log, OnResponse, Provider, ignore_response

ATTEMPTS = 3
BACKOFF_BASE = 1.0
BACKOFF_CAP = 60.0
RETRY_SHARE = 10
"""One retry is allowed for this many requests of a run, ..."""
RETRY_FLOOR = 5
"""... and at least this many."""


def backoff(retry: int, jitter: float) -> float:
    """Full jitter: U(0, min(60 s, 1 s · 2^n)), where `retry` is n, from 0, and `jitter` is U(0, 1)."""
    return jitter * min(BACKOFF_CAP, BACKOFF_BASE * 2.0**retry)


class Retries:
    """Counts the retries of a run, over all its lanes. An outage must not double the number of requests."""

    def __init__(self) -> None:
        self.requests = 0
        self.retries = 0

    @property
    def allowed(self) -> int:
        """The maximum, given the requests so far."""
        return max(RETRY_FLOOR, self.requests // RETRY_SHARE)

    def take(self) -> bool:
        """Use one up, if one is left."""
        if self.retries >= self.allowed:
            return False
        self.retries += 1
        return True


class Retrying:
    """A Provider that retries after NotSent and Throttled. `sleep` may return early when the lane is closed."""

    def __init__(
        self,
        inner: Provider,
        *,
        retries: Retries,
        progress: Log,
        sleep: Callable[[float], Awaitable[None]],
        jitter: Callable[[], float],
    ) -> None:
        self._inner = inner
        self._retries = retries
        self._progress = progress
        self._sleep = sleep
        self._jitter = jitter

    async def generate(self, request: ImageRequest, *, on_response: OnResponse = ignore_response) -> Outcome:
        outcome = await self._inner.generate(request, on_response=on_response)
        if not _held_back(outcome):
            self._retries.requests += 1
        for retry in range(ATTEMPTS - 1):
            least = _may_retry_after(outcome)
            if least is None:
                return outcome
            unreachable = isinstance(outcome, NotSent) and outcome.unreachable  # the lane notes and limits it
            if not unreachable and not self._retries.take():
                self._note(request, f"not retried: the run's {self._retries.allowed} retries are used up")
                return outcome
            wait = max(least, backoff(retry, self._jitter()))
            when = f"in {wait:.0f} s" if wait >= 0.5 else "at once"
            if not unreachable:
                self._note(request, f"retrying {when} (attempt {retry + 2} of {ATTEMPTS}): {outcome.message}")
            await self._sleep(wait)
            outcome = await self._inner.generate(request, on_response=on_response)
        return outcome

    def _note(self, request: ImageRequest, text: str) -> None:
        self._progress.record(Noted(request.asset, text))


def _may_retry_after(outcome: Outcome) -> float | None:
    """The minimum seconds to wait before a retry; None means never."""
    match outcome:
        case NotSent(final=False):
            return 0.0
        case Throttled(retry_after=wait, later=""):
            return wait if wait is not None and wait > 0 else 0.0
        case _:
            return None


def _held_back(outcome: Outcome) -> bool:
    """Whether the outcome comes from the lane itself, without a request."""
    return isinstance(outcome, Rejected | NotSent) and isinstance(outcome.stop, Stop)
