"""Collect the jobs that earlier runs have left at providers: their images are paid for."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime

from reconciler.core.errors import ReconcilerError
from reconciler.core.events import Waiting
from reconciler.core.jobs import JobAccepted, Jobs
from reconciler.core.money.cost import parse_cost
from reconciler.core.outcome import Outcome, Running
from reconciler.core.ports import ImageRequest
from reconciler.core.recipe import Recipe
from reconciler.core.recipe_reader import recipe_of
from reconciler.core.specs.settings import ProviderSettings
from reconciler.core.text import one_line, printable
from reconciler.core.value import value
from reconciler.engine.clock import Clock
from reconciler.engine.lane.ends import Ends
from reconciler.engine.lane.jobs import JobProvider, collect_job
from reconciler.engine.references import LocalReferences
from reconciler.engine.report import outcome_title
from reconciler.project.planning import PlannedProject
from reconciler.project.workspace import Workspace
from reconciler.providers.connect import connect_jobs
from reconciler.providers.decoding.children import CHILDREN
from reconciler.providers.models.table import model_table
from reconciler.report.waiting import going_on_lines

_LONG = 300


@value
class CollectOptions:
    """The environment with the keys of providers, the receiver of messages, and whether to wait for jobs that still run
    (else each is looked at once)."""

    environ: Mapping[str, str]
    say: Callable[[str], None]
    patient: bool = True


def single_jobs(planned: PlannedProject) -> tuple[Waiting, ...]:
    """The accepted requests that are jobs of their own."""
    return tuple(one for one in planned.waiting if not one.batch)


def collect_jobs(workspace: Workspace, planned: PlannedProject, options: CollectOptions) -> bool:
    """Take in the outcomes of the jobs that earlier runs left, under the lock of the project. True if one ended: then
    plan again. KeyboardInterrupt if the user stops it: the jobs go on."""
    waiting = single_jobs(planned)
    count = len(waiting)
    options.say(f"collecting {count} job{'' if count == 1 else 's'} of earlier runs")
    try:
        return asyncio.run(_Collection(workspace, planned, options).collect(waiting))
    finally:
        CHILDREN.end()


class _Collection:
    """One pass over the jobs of earlier runs."""

    def __init__(self, workspace: Workspace, planned: PlannedProject, options: CollectOptions) -> None:
        self._workspace = workspace
        self._settings = planned.loaded.project.settings
        self._models = model_table(self._settings.models)
        self._options = options
        self._ended: set[str] = set()

    async def collect(self, waiting: Sequence[Waiting]) -> bool:
        names = dict.fromkeys(one.requested.provider for one in waiting)
        groups = {name: [one for one in waiting if one.requested.provider == name] for name in names}
        task = asyncio.gather(*(self._from_provider(name, group) for name, group in groups.items()))
        with _stopping(task) as stopped:
            try:
                await task
            except asyncio.CancelledError:
                if not stopped:
                    raise
        if stopped:
            for line in going_on_lines([one for one in waiting if one.requested.attempt not in self._ended]):
                self._options.say(line)
            raise KeyboardInterrupt
        return bool(self._ended)

    async def _from_provider(self, name: str, waiting: Sequence[Waiting]) -> None:
        settings = self._settings.providers.get(name)
        jobs = self._connected(settings) if settings is not None else None
        if settings is None or jobs is None:
            self._options.say(f"{printable(name)} is no provider with jobs any more: `reconciler recover` lists them")
            return
        clock = Clock()
        patience = settings.timeouts.total if self._options.patient else 0.0
        provider = JobProvider(jobs, journal=self._workspace.journal, clock=clock, patience=patience)
        ends = Ends(provider=name, store=self._workspace.store, journal=self._workspace.journal, utc=clock.utc)
        slots = asyncio.Semaphore(max(1, settings.concurrency))

        async def one_job(one: Waiting) -> None:
            async with slots:
                await self._collect_one(one, provider, ends)

        await asyncio.gather(*map(one_job, waiting))

    def _connected(self, settings: ProviderSettings) -> Jobs | None:
        return connect_jobs(
            settings,
            environ=self._options.environ,
            spool=self._workspace.store,
            references=LocalReferences(),
            models=self._models,
        )

    async def _collect_one(self, one: Waiting, provider: JobProvider, ends: Ends) -> None:
        asked, accepted = one.requested, one.accepted
        recipe = recipe_of(accepted.recipe) or Recipe("")  # of another version: the image is checked less
        request = ImageRequest(asked.asset, recipe, asked.key, attempt=asked.attempt)
        job = JobAccepted(accepted.job, accepted.url, accepted.expires, accepted.account, accepted.at)
        try:
            outcome = await collect_job(request, job, provider, ends=ends, estimate=parse_cost(asked.cost))
        except ReconcilerError as error:  # the job is still waiting
            self._options.say(f"{printable(asked.asset)}: {error.fact}")
            return
        if not isinstance(outcome, Running):
            self._ended.add(asked.attempt)
        self._options.say(f"{printable(asked.asset)}: {_told(outcome)}")


def _told(outcome: Outcome) -> str:
    message = one_line(outcome.message, _LONG) if outcome.message else ""
    title = "collected" if outcome_title(outcome) == "made" else outcome_title(outcome)
    return title if title == "collected" or not message else f"{title}: {message}"


@contextmanager
def _stopping(task: asyncio.Future[list[None]]) -> Iterator[list[datetime]]:
    """Cancel the task at Ctrl-C. The list is not empty then."""
    loop, stopped = asyncio.get_running_loop(), list[datetime]()

    def stop() -> None:
        stopped.append(datetime.now(UTC))
        task.cancel()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop)
    try:
        yield stopped
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)
