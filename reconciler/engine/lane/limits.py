"""Decide when a lane may send its next request. Pure: an outcome and the time in, the limits from then on out.

Times are seconds of a monotonic clock. Source: docs/providers.md, "Numbers".
"""

from __future__ import annotations

from reconciler.core.outcome import BadOutput, Done, InDoubt, NotSent, Outcome, Throttled
from reconciler.core.value import replace, value

FAILURES_TO_OPEN = 5
OPEN_SECONDS = (30.0, 60.0, 120.0)
"""How long each opening of the breaker lasts. The last one stops the lane: it is how long a person should wait."""
DONE_TO_GROW = 20
PARK_OVER = 120.0
"""Seconds of Retry-After over which waiting is a person's decision."""
MINUTE = 60.0
LONG_AGO = float("-inf")


def is_failure(outcome: Outcome) -> bool:
    """Whether the provider did not do its work. Rejected and Refused are answers: it is there, and it works.

    BadOutput counts because it may be paid for: a provider that sells rubbish is not asked for more of it.
    """
    return isinstance(outcome, NotSent | Throttled | BadOutput | InDoubt)


@value
class Permit:
    """The right to send one request. `opening` is how often the breaker had opened when it was given.

    `response_complete`: the answer has arrived, and only our own work on it remains."""

    opening: int
    response_complete: bool = False


@value
class Breaker:
    """Closed while `open_until` is None. After `open_until` it is half open: one probe flies, and decides.

    Openings are counted over the whole run and never forgiven: behind each one are calls in doubt.
    """

    failures: int = 0
    openings: int = 0
    open_until: float | None = None
    probing: bool = False

    def ready_at(self) -> float | None:
        """When it lets the next request through; None is "not before the probe lands"."""
        if self.probing:
            return None
        return LONG_AGO if self.open_until is None else self.open_until

    def sent(self) -> Breaker:
        """With one more request in flight: the probe, unless closed."""
        return replace(self, probing=self.open_until is not None)

    def landed(self, permit: Permit, outcome: Outcome, now: float) -> Breaker:
        """What a request that was sent under this very opening says; older ones say nothing new."""
        if permit.opening != self.openings:
            return self
        if not is_failure(outcome):
            return Breaker(openings=self.openings)
        if self.open_until is None and self.failures + 1 < FAILURES_TO_OPEN:
            return replace(self, failures=self.failures + 1)
        return Breaker(openings=self.openings + 1, open_until=now + self.next_pause)

    def abandoned(self, permit: Permit) -> Breaker:
        """A request that was cancelled says nothing; if it was the probe, another may go."""
        return replace(self, probing=False) if permit.opening == self.openings else self

    @property
    def next_pause(self) -> float:
        """How long its next opening lasts."""
        return OPEN_SECONDS[min(self.openings, len(OPEN_SECONDS) - 1)]

    @property
    def exhausted(self) -> bool:
        """It opened for the last time."""
        return self.openings >= len(OPEN_SECONDS)


@value
class Limits:
    """One lane's limits now. `bound` is the configured concurrency, `interval` the least gap between two requests.

    Requests per minute become an even pace: a bucket of one token. A bigger bucket would let a burst and its
    refill into one minute, which is more than the bound. `landing` are the answers that have come and are not safe
    yet: with what is in flight never more than twice the bound, however slow our own disk is.
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
        """When the next request may be sent; None is "not before one lands"."""
        breaker = self.breaker.ready_at()
        if breaker is None or self.in_flight >= self.concurrency or self.in_flight + self.landing >= 2 * self.bound:
            return None
        return max(self.next_at, self.held_until, breaker)

    def permit(self) -> Permit:
        """For a request sent now."""
        return Permit(self.breaker.openings)

    def sent(self, now: float) -> Limits:
        """With one more request in flight."""
        return replace(self, in_flight=self.in_flight + 1, next_at=now + self.interval, breaker=self.breaker.sent())

    def response_complete(self) -> Limits:
        """With one request less in flight, and its answer on the way to the store."""
        return replace(self, in_flight=self.in_flight - 1, landing=self.landing + 1)

    def landed(self, permit: Permit, outcome: Outcome, now: float) -> Limits:
        """Without one request, and with what it taught."""
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
        """Without one request, that was cancelled."""
        return replace(self._without(permit), breaker=self.breaker.abandoned(permit))

    def _without(self, permit: Permit) -> Limits:
        if permit.response_complete:
            return replace(self, landing=self.landing - 1)
        return replace(self, in_flight=self.in_flight - 1)


def limits(concurrency: int, requests_per_minute: int) -> Limits:
    """A fresh lane's limits. No requests per minute is no pace."""
    interval = MINUTE / requests_per_minute if requests_per_minute > 0 else 0.0
    return Limits(bound=max(1, concurrency), interval=interval, concurrency=max(1, concurrency))
