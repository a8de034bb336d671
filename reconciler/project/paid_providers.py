"""Construct the providers that cost money: each behind its own lane, all with one journal and one budget."""

from __future__ import annotations

import asyncio
import ctypes
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace

from reconciler.core.digest import AssetId, Json
from reconciler.core.errors import ReconcilerError
from reconciler.core.events import Event
from reconciler.core.money.cost import Cost
from reconciler.core.ports import ImageRequest, Log, Provider, References, Spool, Store
from reconciler.core.specs.settings import Budget, ProviderSettings
from reconciler.core.value import value
from reconciler.engine.lane.budget import Spending
from reconciler.engine.lane.build import PaidRun, open_lane, paid
from reconciler.providers.connect import connect, connect_jobs
from reconciler.providers.declaration import AtEnd, Declaration, price_of
from reconciler.providers.models.table import model_table
from reconciler.providers.registry import REGISTRY

TYPE_CHECKING = False
if TYPE_CHECKING:  # few projects have a team
    from reconciler.project.team_layers import TeamLayers

_M_ARENA_MAX = -8


@value
class PaidProviders:
    """Providers by name, and the functions that drain their lanes."""

    providers: dict[str, Provider]
    drains: list[Callable[[], None]]


class _ShownJournal:
    """The journal, and after it the progress, which is for people: an error of it must not end a request."""

    def __init__(self, journal: Log, progress: Log) -> None:
        self._journal = journal
        self._progress = progress
        self._loop = asyncio.get_running_loop()

    def record(self, event: Event) -> None:
        """Durable once this returns. Called from any thread."""
        self._journal.record(event)
        with suppress(RuntimeError):  # the loop has ended
            self._loop.call_soon_threadsafe(self._show, event)

    def _show(self, event: Event) -> None:
        with suppress(ReconcilerError):  # stdout or stderr cannot be written
            self._progress.record(event)


def paid_providers(
    used: Sequence[ProviderSettings],
    *,
    models: Mapping[str, Json],
    store: Store,
    spool: Spool,
    references: References,
    journal: Log,
    progress: Log,
    budget: Budget,
    already: Iterable[tuple[AssetId, Cost | None]],
    answered: Iterable[tuple[AssetId, Cost | None]] = (),
    environ: Mapping[str, str],
    at_end: AtEnd,
    layers: TeamLayers | None = None,
    detached: bool = False,
) -> PaidProviders:
    """Each provider in its layers. `already` are the estimates of requests without an end, which count as spent;
    `answered` are those of requests without an image to lock, which count towards the limit of their asset. `layers`
    are those of a team. `detached`: jobs are submitted, and left to a later run."""
    _share_the_heap()
    table = model_table(models)
    shown = _ShownJournal(journal, progress)
    spending = Spending(budget, already=already, answered=answered)
    run = PaidRun(store=store, journal=shown, progress=progress, spending=spending, detached=detached)
    made = PaidProviders({}, [])
    for settings in used:
        lane = open_lane(settings, run=run)
        jobs = connect_jobs(settings, environ=environ, spool=spool, references=references, models=table)
        inner = jobs or connect(
            settings, environ=environ, spool=spool, references=references, models=table, at_end=at_end
        )
        declared = REGISTRY.declared(settings)

        def estimate(
            request: ImageRequest, declared: Declaration = declared, charges: bool = settings.charges
        ) -> Cost | None:
            return price_of(declared, request.recipe, table, charges=charges)

        own = run
        if layers is not None:
            around = layers.around_attempt(settings, estimate)
            own = replace(run, around_call=layers.around_call, around_attempt=around)
        patience = settings.timeouts.total
        made.providers[settings.name] = paid(inner, lane=lane, run=own, estimate=estimate, patience=patience)
        made.drains.append(lane.drain)
    return made


def _share_the_heap() -> None:
    """Limit glibc to two heaps. By default each thread has one, and memory that a response frees in it is not reused by
    other threads: memory grew by 60 MiB over 2,000 images, and by 7 MiB with two heaps."""
    with suppress(OSError, AttributeError):  # other C libraries have no mallopt
        ctypes.CDLL(None).mallopt(_M_ARENA_MAX, 2)
