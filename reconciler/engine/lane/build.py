"""Put a provider behind everything that protects money: budget, retries, limits, record, in this order.

    Budgeted(Retrying(Limited(Recorded(inner))))

- Recorded is innermost: `Requested` must be durable just before the first byte and not while a request queues, or
  a death of ours would put into doubt what was never sent. Each attempt is one record.
- Limited is around it: each attempt takes a turn, and teaches the lane with its own outcome. Once its answer has come
  whole, the next may be sent while the disk works; but there are never more open attempts in the journal than twice
  the lane's concurrency.
- Retrying is around that: it waits without holding a place in the lane, and a retry queues again behind the others.
- Budgeted is outermost: all attempts of a call together can be charged once (only free outcomes are asked again),
  so a call is one reservation.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from random import random
from uuid import uuid4

from reconciler.core.ports import Log, Provider, Store
from reconciler.core.specs.settings import ProviderSettings
from reconciler.engine.clock import Clock
from reconciler.engine.lane.budget import Budgeted, Spending
from reconciler.engine.lane.lane import Lane, Limited
from reconciler.engine.lane.recorded import Estimate, Recorded
from reconciler.engine.lane.retrying import Retries, Retrying


def _new_attempt() -> str:
    return uuid4().hex


@dataclass(frozen=True, slots=True, kw_only=True)
class PaidRun:
    """What all the lanes of one run share."""

    store: Store
    journal: Log
    progress: Log
    spending: Spending
    retries: Retries = field(default_factory=Retries)
    clock: Clock = field(default_factory=Clock)
    jitter: Callable[[], float] = random
    new_attempt: Callable[[], str] = _new_attempt


def open_lane(settings: ProviderSettings, *, run: PaidRun) -> Lane:
    """The one lane of a provider. Who opens it keeps it, to `drain()` it."""
    return Lane(
        settings.name,
        concurrency=settings.concurrency,
        requests_per_minute=settings.requests_per_minute,
        clock=run.clock,
        progress=run.progress,
    )


def paid(inner: Provider, *, lane: Lane, run: PaidRun, estimate: Estimate) -> Provider:
    """The provider as the engine may use it. Raises DiskError, nothing else of its own."""
    recorded = Recorded(
        inner,
        provider=lane.name,
        store=run.store,
        journal=run.journal,
        estimate=estimate,
        new_attempt=run.new_attempt,
        utc=run.clock.utc,
    )
    retrying = Retrying(
        Limited(recorded, lane=lane),
        retries=run.retries,
        progress=run.progress,
        sleep=lane.pause,
        jitter=run.jitter,
    )
    return Budgeted(retrying, spending=run.spending, estimate=estimate)
