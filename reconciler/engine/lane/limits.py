"""Decide when a lane may send its next request. Pure: limits, an outcome and the time in, new limits out.

Times are seconds of a monotonic clock. Source: docs/providers.md, "Numbers".
"""

from __future__ import annotations

from reconciler.core.outcome import BadOutput, Done, InDoubt, NotSent, Outcome, Stop, Throttled
from reconciler.core.value import replace, value

FAILURES_TO_OPEN = 5
OPEN_SECONDS = (30.0, 60.0, 120.0)
"""The duration of each opening of the breaker. The last opening stops the lane; the message suggests that wait."""
DONE_TO_GROW = 20
PARK_OVER = 120.0
"""A Retry-After of more seconds stops the lane, and the user decides when to continue."""
MINUTE = 60.0
LONG_AGO = float("-inf")


def is_failure(outcome: Outcome) -> bool:
    """Whether an outcome counts as a failure of the provider. Rejected and Refused do not: the provider works.

    BadOutput counts, since it may be charged: further requests would buy more unusable images.
    """
    return isinstance(outcome, NotSent | Throttled | BadOutput | InDoubt)


@value
class Permit:
    """A concurrency slot for one request. `opening` is the number of openings of the breaker when it was given.

    `response_complete`: the slot is released, and the response is not durable yet."""

    opening: int
    response_complete: bool = False


@value
class Breaker:
    """A circuit breaker. Closed while `open_until` is None; after `open_until` it is half open, and one probe is sent.

    Openings are counted over the whole run and never reset: each one can leave calls in doubt.
    """

    failures: int = 0
    openings: int = 0
    open_until: float | None = None
    probing: bool = False

    def ready_at(self) -> float | None:
        """The time from which the next request may be sent; None while a probe is in flight."""
        if self.probing:
            return None
        return LONG_AGO if self.open_until is None else self.open_until

    def sent(self) -> Breaker:
        """With one more request in flight, which is the probe unless the breaker is closed."""
        return replace(self, probing=self.open_until is not None)

    def landed(self, permit: Permit, outcome: Outcome, now: float) -> Breaker:
        """After an outcome. Requests that were sent before the latest opening do not count."""
        if permit.opening != self.openings:
            return self
        if not is_failure(outcome):
            return Breaker(openings=self.openings)
        if self.open_until is None and self.failures + 1 < FAILURES_TO_OPEN:
            return replace(self, failures=self.failures + 1)
        return Breaker(openings=self.openings + 1, open_until=now + self.next_pause)

    def abandoned(self, permit: Permit) -> Breaker:
        """After a request without an outcome. If it was the probe, another one may be sent."""
        return replace(self, probing=False) if permit.opening == self.openings else self

    @property
    def next_pause(self) -> float:
        """The duration of the next opening in seconds."""
        return OPEN_SECONDS[min(self.openings, len(OPEN_SECONDS) - 1)]

    @property
    def exhausted(self) -> bool:
        """Whether the last opening was used up."""
        return self.openings >= len(OPEN_SECONDS)


@value
class Limits:
    """One lane's limits now. `bound` is the configured concurrency, `interval` the minimum seconds between requests.

    The limit on requests per minute is a token bucket of size one. A bigger bucket would allow a burst and its refill
    within one minute, which exceeds the limit. `landing` is the number of responses that are complete and not durable
    yet. Together with `in_flight` it is at most twice the bound, however slow the local disk is.
    """

    bound: int
    interval: float
    concurrency: int
    done: int = 0
    in_flight: int = 0
    landing: int = 0
    next_at: float = LONG_AGO
    held_until: float = LONG_AGO
    breaker: Breaker = Breaker()

    def ready_at(self) -> float | None:
        """The time from which the next request may be sent; None: only after another one ends."""
        breaker = self.breaker.ready_at()
        if breaker is None or self.in_flight >= self.concurrency or self.in_flight + self.landing >= 2 * self.bound:
            return None
        return max(self.next_at, self.held_until, breaker)

    def permit(self) -> Permit:
        """The permit of a request that is sent now."""
        return Permit(self.breaker.openings)

    def sent(self, now: float) -> Limits:
        """With one more request in flight."""
        return replace(self, in_flight=self.in_flight + 1, next_at=now + self.interval, breaker=self.breaker.sent())

    def response_complete(self) -> Limits:
        """With one request fewer in flight, and its response on the way to the store."""
        return replace(self, in_flight=self.in_flight - 1, landing=self.landing + 1)

    def landed(self, permit: Permit, outcome: Outcome, now: float) -> Limits:
        """Without one request, adjusted by its outcome."""
        if isinstance(outcome, NotSent) and outcome.stop is Stop.CLAIMED:
            return self.abandoned(permit)  # nothing was sent
        after = replace(self._without(permit), breaker=self.breaker.landed(permit, outcome, now))
        match outcome:
            case Throttled(retry_after=wait):
                held = max(self.held_until, now + wait) if wait is not None and wait > 0 else self.held_until
                return replace(after, concurrency=max(1, self.concurrency // 2), done=0, held_until=held)
            case Done() if self.done + 1 >= DONE_TO_GROW:
                return replace(after, concurrency=min(self.bound, self.concurrency + 1), done=0)
            case Done():
                return replace(after, done=self.done + 1)
            case _:
                return after

    def abandoned(self, permit: Permit) -> Limits:
        """Without one request that had no outcome."""
        return replace(self._without(permit), breaker=self.breaker.abandoned(permit))

    def held(self, until: float) -> Limits:
        """With no request before a time."""
        return replace(self, held_until=max(self.held_until, until))

    def _without(self, permit: Permit) -> Limits:
        if permit.response_complete:
            return replace(self, landing=self.landing - 1)
        return replace(self, in_flight=self.in_flight - 1)


def limits(concurrency: int, requests_per_minute: int) -> Limits:
    """The limits of a new lane. 0 requests per minute means no such limit."""
    interval = MINUTE / requests_per_minute if requests_per_minute > 0 else 0.0
    return Limits(bound=max(1, concurrency), interval=interval, concurrency=max(1, concurrency))
