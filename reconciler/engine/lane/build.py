"""Wrap a provider in the layers that protect money: budget, retries, limits and journal, from outside to inside.

    Budgeted(around_call(Retrying(Limited(around_attempt(Recorded(inner))))))

- Recorded is innermost: `Requested` must be durable just before the first byte is sent, and not while a request is
  queued. Otherwise a crash would leave requests in doubt that were never sent. Each attempt has its own record.
- Limited is around it: each attempt takes a concurrency slot, and its outcome adjusts the limits of the lane. The slot
  is released when the response is complete, so that the next request overlaps with the disk writes. The journal never
  has more open attempts than twice the lane's concurrency.
- Retrying is around that: it holds no slot while it waits, and a retry joins the end of the queue.
- Budgeted is outermost: at most one attempt of a call is charged, since only free outcomes are retried. One
  reservation a call is therefore enough.
- `around_call` and `around_attempt` of a run are for a team: the first wraps a call, which holds no slot while it
  waits there; the second wraps each attempt, in its slot.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from random import random
from uuid import uuid4

from reconciler.core.jobs import Jobs
from reconciler.core.ports import Log, Provider, Store
from reconciler.core.specs.settings import ProviderSettings
from reconciler.engine.clock import Clock
from reconciler.engine.lane.budget import Budgeted, Spending
from reconciler.engine.lane.lane import Lane, Limited
from reconciler.engine.lane.recorded import Estimate, Recorded
from reconciler.engine.lane.retrying import Retries, Retrying


def _new_attempt() -> str:
    return uuid4().hex


def _as_it_is(provider: Provider) -> Provider:
    return provider


@dataclass(frozen=True, slots=True, kw_only=True)
class PaidRun:
    """The dependencies that all lanes of one run share. `detached`: the run submits jobs, and waits for none."""

    store: Store
    journal: Log
    progress: Log
    spending: Spending
    retries: Retries = field(default_factory=Retries)
    clock: Clock = field(default_factory=Clock)
    jitter: Callable[[], float] = random
    new_attempt: Callable[[], str] = _new_attempt
    around_call: Callable[[Provider], Provider] = _as_it_is
    around_attempt: Callable[[Provider], Provider] = _as_it_is
    detached: bool = False


def open_lane(settings: ProviderSettings, *, run: PaidRun) -> Lane:
    """The one lane of a provider. The caller keeps a reference, to `drain()` it."""
    return Lane(
        settings.name,
        concurrency=settings.concurrency,
        requests_per_minute=settings.requests_per_minute,
        clock=run.clock,
        progress=run.progress,
    )


def paid(inner: Provider | Jobs, *, lane: Lane, run: PaidRun, estimate: Estimate, patience: float = 600.0) -> Provider:
    """The provider in its layers, as the engine uses it. The layers raise DiskError and no other exception.

    `patience`: the seconds after which a job is left to the next run.
    """
    recorded = Recorded(
        _job_provider(inner, run, patience) if isinstance(inner, Jobs) else inner,
        provider=lane.name,
        store=run.store,
        journal=run.journal,
        estimate=estimate,
        new_attempt=run.new_attempt,
        utc=run.clock.utc,
    )
    retrying = Retrying(
        Limited(run.around_attempt(recorded), lane=lane),
        retries=run.retries,
        progress=run.progress,
        sleep=lane.pause,
        jitter=run.jitter,
    )
    return Budgeted(run.around_call(retrying), spending=run.spending, estimate=estimate)


def _job_provider(jobs: Jobs, run: PaidRun, patience: float) -> Provider:
    from reconciler.engine.lane.jobs import JobProvider  # noqa: PLC0415 - few projects use a provider with jobs

    return JobProvider(jobs, journal=run.journal, clock=run.clock, patience=patience, detached=run.detached)
