"""Carry a plan out: construct its providers, handle Ctrl-C, close the lockfile and the journal."""

from __future__ import annotations

import asyncio
import gc
import signal
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from random import randrange

from reconciler.core.digest import AssetId, ContentHash
from reconciler.core.errors import ReconcilerError
from reconciler.core.lock.lockfile import LockEntry
from reconciler.core.plan.plan import Plan
from reconciler.core.ports import Log, Provider, References
from reconciler.core.specs.settings import Budget, ProviderSettings
from reconciler.core.text import relative_path
from reconciler.core.value import replace, value
from reconciler.engine.apply import Run
from reconciler.engine.context import ApplyContext
from reconciler.engine.lane.candidates import CandidateProvider
from reconciler.engine.lockfile_saver import LockfileSaver
from reconciler.engine.references import LocalReferences
from reconciler.engine.report import Report, Result, StepError
from reconciler.project.converter import LazyConverter
from reconciler.project.free_providers import free_providers
from reconciler.project.planning import PlannedProject, answer_costs
from reconciler.project.workspace import Workspace
from reconciler.providers.declaration import AtEnd
from reconciler.providers.decoding.children import CHILDREN

TYPE_CHECKING = False
if TYPE_CHECKING:  # few runs are divided, and few projects have a team
    from reconciler.core.plan.shard import Shard
    from reconciler.project.team_apply import TeamRun
    from reconciler.project.team_layers import TeamLayers

_DISK_THREADS = 16
"""These threads mostly wait for the disk. The default, one per core, would delay requests."""


@value
class RunOptions:
    """The budget of a run, the receivers of its events and messages, and the environment with the keys of providers.
    `team` for a project with a team's store. `detached`: jobs are submitted, and left to a later run."""

    budget: Budget
    progress: Log
    environ: Mapping[str, str]
    say: Callable[[str], None]
    team: TeamRun | None = None
    detached: bool = False


@value
class RunResult:
    """The results of all executed steps. `interrupted`: the user stopped the run."""

    report: Report
    interrupted: bool


def carry_out(workspace: Workspace, planned: PlannedProject, plan: Plan, options: RunOptions) -> RunResult:
    """Execute the plan, under the lock of the workspace.

    Disk errors during the run are in the report, which names every file with paid bytes. Requests in flight are
    completed.
    """
    if not gc.isenabled():
        gc.freeze()  # exempt the project and the plan from collection; HTTP exchanges do create garbage
        gc.set_threshold(200_000, 20, 20)
        gc.enable()
    if planned.behind:
        workspace.lock_file.catch_up()
    not_copied = options.team.copy(plan) if options.team is not None else {}
    try:
        with ExitStack() as closing:
            running = _run(workspace, planned, plan, options, closing.callback, not_copied=not_copied)
            result = asyncio.run(running)
    except BaseException:
        with suppress(ReconcilerError):  # the first error is the one to report; the journal keeps its events
            workspace.close_journal()
        raise
    CHILDREN.end()
    try:
        workspace.close_journal()
    except ReconcilerError as error:
        result.report.closing_failed(error)
    return result


async def _run(
    workspace: Workspace,
    planned: PlannedProject,
    plan: Plan,
    options: RunOptions,
    at_end: AtEnd,
    *,
    not_copied: Mapping[ContentHash, StepError],
) -> RunResult:
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(_DISK_THREADS, thread_name_prefix="disk"))
    lockfile_saver = LockfileSaver(workspace.lock_file)
    references = LocalReferences()
    team, layers = options.team, None
    if team is not None:
        layers = team.layers(plan, planned, workspace.journal, options.progress)
    providers = _providers(workspace, planned, plan, options, references, at_end=at_end, layers=layers)
    settings = planned.loaded.project.settings
    outputs = {step.output for step in plan.steps if step.output}
    outputs |= {entry.output for entry in planned.lock.entries.values()}
    tree = workspace.outputs(frozenset(outputs))
    world = ApplyContext(
        store=workspace.store,
        outputs=tree,
        converter=LazyConverter(workspace.store),
        references=references,
        journal=workspace.journal,
        progress=options.progress,
        lockfile_saver=lockfile_saver,
        providers=providers.by_name,
        traits=settings.traits(),
        files=planned.seen.files,
        in_doubt=(*planned.in_doubt, *(replace(one, asset=AssetId("")) for one in planned.seen.team_in_doubt)),
        waiting=planned.waiting,
        utc=lambda: datetime.now(UTC),
        drains=providers.drains if layers is None else (layers.drain, *providers.drains),
        consents=planned.consents,
        rejected=planned.seen.rejected,
        shown=_relative_to(workspace.root),
        not_copied=not_copied,
    )
    run = Run(plan if layers is None else _rotated(plan), planned.lock, world)
    stopping = _Stopping(run, options.say)
    task = asyncio.ensure_future(run.run())
    with stopping.on(task):
        try:
            await task
        except asyncio.CancelledError:
            if not stopping.requested:
                raise
    tree.remove_emptied_folders()
    if layers is not None:
        left = await layers.finish(_made(workspace, run.report))
        if left:
            options.say(left)
    try:
        await lockfile_saver.save()
    except ReconcilerError as error:
        run.report.closing_failed(error)
    return RunResult(run.report, stopping.requested)


def _made(workspace: Workspace, report: Report) -> Iterator[LockEntry]:
    """The entries of images that were made."""
    entries = workspace.locked().entries
    yield from (entries[line.asset] for line in report.lines if line.result is Result.MADE and line.asset in entries)


def _rotated(plan: Plan) -> Plan:
    """The plan from a step in its middle on: checkouts that begin at once do not ask for the same images first."""
    start = randrange(len(plan.steps))  # noqa: S311 - not a secret
    return replace(plan, steps=(*plan.steps[start:], *plan.steps[:start]))


def _relative_to(root: Path) -> Callable[[Path], str]:
    return lambda path: relative_path(path, root)


class _Stopping:
    """The first Ctrl-C drains: requests in flight are completed, no new one is sent. The second cancels them."""

    def __init__(self, run: Run, say: Callable[[str], None]) -> None:
        self.requested = False
        self._run = run
        self._say = say

    @contextmanager
    def on(self, task: asyncio.Future[Report]) -> Iterator[None]:
        """Handle SIGINT and SIGTERM while the task runs."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._signalled, task)
        try:
            yield
        finally:
            for number in (signal.SIGINT, signal.SIGTERM):
                loop.remove_signal_handler(number)

    def _signalled(self, task: asyncio.Future[Report]) -> None:
        if self.requested:
            task.cancel()
            return
        self.requested = True
        self._run.stop()
        self._say("stopping: requests in flight are completed, no new ones are sent; Ctrl-C again stops at once")


@value
class _Providers:
    """Providers by name, and how to drain the lane of each."""

    by_name: dict[str, Provider]
    drains: tuple[Callable[[], None], ...]


def _providers(
    workspace: Workspace,
    planned: PlannedProject,
    plan: Plan,
    options: RunOptions,
    references: References,
    *,
    at_end: AtEnd,
    layers: TeamLayers | None,
) -> _Providers:
    """The providers that this plan needs, and no others: each loads a library of its own."""
    settings = planned.loaded.project.settings.providers
    needed = plan.generating_providers
    free = {name for name in needed if settings[name].traits.free}
    made = _free_providers(workspace, planned, free, options, references, at_end=at_end) if free else _Providers({}, ())
    names = needed - free
    paid = (
        _paid_providers(workspace, planned, names, options, references, at_end=at_end, layers=layers)
        if names
        else _Providers({}, ())
    )
    return _Providers(made.by_name | paid.by_name, (*made.drains, *paid.drains))


def _free_providers(
    workspace: Workspace,
    planned: PlannedProject,
    names: Iterable[str],
    options: RunOptions,
    references: References,
    *,
    at_end: AtEnd,
) -> _Providers:
    settings = planned.loaded.project.settings
    made = free_providers(
        [settings.providers[name] for name in sorted(names)],
        models=settings.models,
        store=workspace.store,
        spool=workspace.store,
        references=references,
        environ=options.environ,
        at_end=at_end,
    )
    return _Providers(dict(made), tuple(each.drain for each in made.values()))


def _paid_providers(
    workspace: Workspace,
    planned: PlannedProject,
    names: Iterable[str],
    options: RunOptions,
    references: References,
    *,
    at_end: AtEnd,
    layers: TeamLayers | None,
) -> _Providers:
    from reconciler.project.paid_providers import paid_providers  # noqa: PLC0415 - a network client is for paid calls only

    settings = planned.loaded.project.settings
    paid = paid_providers(
        _with_rates([settings.providers[name] for name in sorted(names)], planned.shard),
        models=settings.models,
        store=workspace.store,
        spool=workspace.store,
        references=references,
        journal=workspace.journal,
        progress=options.progress,
        budget=options.budget,
        already=planned.unended_costs,
        answered=answer_costs(planned.lock),
        environ=options.environ,
        at_end=at_end,
        layers=layers,
        detached=options.detached,
    )
    by_name: dict[str, Provider] = dict(paid.providers)
    if planned.candidates > 1:
        count, progress, shown = planned.candidates, options.progress, _relative_to(workspace.root)
        recall = workspace.store.recall
        by_name = {
            name: CandidateProvider(one, count=count, progress=progress, recall=recall, shown=shown)
            for name, one in by_name.items()
        }
    return _Providers(by_name, tuple(paid.drains))


def _with_rates(used: list[ProviderSettings], shard: Shard | None) -> list[ProviderSettings]:
    """The providers with the rates of this shard."""
    if shard is None:
        return used
    from reconciler.project.shards import of_shard  # noqa: PLC0415 - few runs are divided

    return of_shard(used, shard)
