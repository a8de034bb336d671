"""Tell a server that cannot be reached at all from one that fails now and then."""

from __future__ import annotations

from reconciler.core.outcome import NotSent, Outcome, Rejected

TRY_AGAIN_SECONDS = 1.0
"""The time until the second attempt to reach a server."""


class Reach:
    """Whether the server of a lane has answered in this run.

    One that has answered may come back: then failures to connect count for the circuit breaker.
    """

    def __init__(self) -> None:
        self._reached = False
        self._missed_at: float | None = None

    def missed(self, outcome: Outcome, now: float) -> bool:
        """Whether no connection came about, to a server that has never answered in this run."""
        if isinstance(outcome, NotSent) and outcome.unreachable and not self._reached:
            self._missed_at = now if self._missed_at is None else self._missed_at
            return True
        self._reached = self._reached or not isinstance(outcome, NotSent | Rejected)
        return False

    @property
    def next_at(self) -> float:
        """The time of the next attempt after a miss. A miss from then on is the last one."""
        return 0.0 if self._missed_at is None else self._missed_at + TRY_AGAIN_SECONDS
