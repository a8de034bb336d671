"""The state of an apply while it runs: what has ended, what was spent, which requests are in flight, the time left."""

from __future__ import annotations

import time
from collections.abc import Callable

from reconciler.core.digest import AssetId
from reconciler.core.events import Ended, Event, Failed, Published, Requested, Started, Stored
from reconciler.core.money.cost import Cost, parse_cost, total
from reconciler.core.text import printable

_SHOWN = 3
"""The most assets in flight that are named."""
_SOONEST = 2.0
"""Seconds before the time left is estimated."""


class Tally:
    """Counts the events of an apply. `total` is the number of its steps, `clock` is in seconds."""

    def __init__(self, total: int, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.total = total
        self.ended = 0
        self._clock = clock
        self._began = clock()
        self._begun: dict[AssetId, None] = {}
        self._requests: dict[str, AssetId] = {}
        self._costs: list[Cost | None] = []

    def record(self, event: Event) -> None:
        """Count one event."""
        match event:
            case Started(asset=asset):
                self._begun[asset] = None
            case Requested(attempt=attempt, asset=asset):
                self._requests[attempt] = asset
            case Stored(attempt=attempt, made=made):
                self._requests.pop(attempt, None)
                self._costs.append(parse_cost(made.cost))
            case Ended(attempt=attempt):
                self._requests.pop(attempt, None)
            case Published(asset=asset) | Failed(asset=asset):
                self.ended += 1
                self._begun.pop(asset, None)
                self._requests = {attempt: one for attempt, one in self._requests.items() if one != asset}
            case _:
                pass

    @property
    def in_flight(self) -> list[AssetId]:
        """The assets with a request that has no response yet; without requests, those that are worked on."""
        paid = bool(self._requests or self._costs)
        return list(dict.fromkeys(self._requests.values())) if paid else list(self._begun)

    @property
    def seconds_left(self) -> float | None:
        """An estimate by the pace so far, in which an image in flight counts as half done; None is too early to say."""
        done = self.ended + min(len(self.in_flight), self.total - self.ended) / 2
        passed = self._clock() - self._began
        if not self.ended or passed < _SOONEST or self.ended == self.total:
            return None
        return passed / done * (self.total - done)

    def numbers(self) -> str:
        """`1.17 USD spent, 8 in flight, about 4 min left`."""
        parts = [f"{total(self._costs)} spent"] if self._costs else []
        count = len(self.in_flight)
        parts += [f"{count} in flight"] if count else []
        left = self.seconds_left
        parts += [f"about {duration(left)} left"] if left is not None else []
        return ", ".join(parts)

    def names(self, width: int) -> str:
        """The assets in flight, as many as fit: `hero, icons/bow and 5 more`."""
        found = self.in_flight
        for shown in range(min(len(found), _SHOWN), 0, -1):
            more = f" and {len(found) - shown} more" if len(found) > shown else ""
            text = ", ".join(map(printable, found[:shown])) + more
            if len(text) <= width:
                return text
        return ""


def duration(seconds: float) -> str:
    """`40 s`, `4 min`, `2 h 5 min`."""
    if seconds < 60:
        return f"{max(1, round(seconds))} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"
