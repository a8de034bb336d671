"""Run an apply to its end: the providers it needs, two kinds of Ctrl-C, the lockfile and the journal closed."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import UTC, datetime

from reconciler.core.errors import ReconcilerError
from reconciler.core.lock.entry import DRAFT
from reconciler.core.money.cost import parse_cost
from reconciler.core.plan.actions import Generate
from reconciler.core.plan.plan import Plan
from reconciler.core.ports import Log, Provider
from reconciler.core.specs.settings import Budget
from reconciler.core.unrecorded import unrecorded
from reconciler.core.value import value
from reconciler.engine.apply import ApplyContext, Run
from reconciler.engine.lane.candidates import CandidateProvider
from reconciler.engine.lane.stored import StoredProvider
from reconciler.engine.lockfile_saver import LockfileSaver
from reconciler.engine.report import Report
from reconciler.project.workspace import PlannedProject, Workspace

_DISK_THREADS = 16
"""They wait for the disk most of the time; with one a core, as is the default, requests would wait for them."""


@value
class ApplyResult:
    """How an apply ended: what came of each asset, and whether a person cut it short."""

    report: Report
    interrupted: bool


def run_apply(
    workspace: Workspace,
    prospect: PlannedProject,
    plan: Plan,
    *,
    budget: Budget,
    progress: Log,
    environ: Mapping[str, str],
    say: Callable[[str], None],
) -> ApplyResult:
    """Do what the plan says. Call it under the workspace's lock. A disk that fails once it has begun is in the report:
    what flies lands, and what was paid for is named."""
    if not gc.isenabled():
        gc.freeze()  # the project and the plan live to the end; what comes now is a thousand exchanges with a gateway
        gc.set_threshold(200_000, 20, 20)
        gc.enable()
    if prospect.behind:
        workspace.lock_file.catch_up()
    try:
        ending = asyncio.run(_carried_out(workspace, prospect, plan, RunOptions(budget, progress, environ, say)))
    except BaseException:
        with suppress(ReconcilerError):  # the first error is the one to tell; the journal keeps what it has
            close_journal(workspace)
        raise
    try:
        close_journal(workspace)
    except ReconcilerError as error:
        ending.report.closing_failed(error)
    return ending


@value
class RunOptions:
    """What one run was given: how much it may spend, who watches, and where keys are."""

    budget: Budget
    progress: Log
    environ: Mapping[str, str]
    say: Callable[[str], None]


def close_journal(workspace: Workspace) -> None:
    """Everything that the journal has is in the lockfile, and ends that it lacks stay in the store whatever comes; then
    it need only keep what is in doubt."""
    workspace.lock_file.catch_up()
    for end in unrecorded(workspace.journal.read(), workspace.store.recall):
        workspace.store.secure(end.key)
    workspace.journal.close_with(workspace.in_doubt())


async def _carried_out(workspace: Workspace, prospect: PlannedProject, plan: Plan, means: RunOptions) -> ApplyResult:
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(_DISK_THREADS, thread_name_prefix="disk"))
    lockfile_saver = LockfileSaver(workspace.lock_file)
    providers, drains = _providers(workspace, prospect, plan, means)
    settings = prospect.wanted.project.settings.providers
    outputs = {step.output for step in plan.steps if step.output}
    outputs |= {entry.output for entry in prospect.lock.entries.values()}
    world = ApplyContext(
        store=workspace.store,
        outputs=workspace.outputs(frozenset(outputs)),
        journal=workspace.journal,
        progress=means.progress,
        lockfile_saver=lockfile_saver,
        providers=providers,
        made_by={name: DRAFT if each.type == DRAFT else name for name, each in settings.items()},
        files=prospect.seen.files,
        in_doubt=prospect.in_doubt,
        utc=lambda: datetime.now(UTC),
        drains=tuple(drains),
        consents=prospect.consents,
    )
    run = Run(plan, prospect.lock, world)
    stopping = _Stopping(run, means.say)
    task = asyncio.ensure_future(run.run())
    with stopping.on(task):
        try:
            await task
        except asyncio.CancelledError:
            if not stopping.asked:
                raise
    try:
        await lockfile_saver.save()
    except ReconcilerError as error:
        run.report.closing_failed(error)
    return ApplyResult(run.report, stopping.asked)


class _Stopping:
    """Ctrl-C once drains: nothing new is sent, what flies lands. Twice stops now."""

    def __init__(self, run: Run, say: Callable[[str], None]) -> None:
        self.asked = False
        self._run = run
        self._say = say

    @contextmanager
    def on(self, task: asyncio.Future[Report]) -> Iterator[None]:
        """Listen to the signals while the task runs."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._signalled, task)
        try:
            yield
        finally:
            for number in (signal.SIGINT, signal.SIGTERM):
                loop.remove_signal_handler(number)

    def _signalled(self, task: asyncio.Future[Report]) -> None:
        if self.asked:
            task.cancel()
            return
        self.asked = True
        self._run.stop()
        self._say("stopping: what is under way is finished, nothing new is begun; Ctrl-C again stops at once")


def _providers(
    workspace: Workspace, prospect: PlannedProject, plan: Plan, means: RunOptions
) -> tuple[dict[str, Provider], list[Callable[[], None]]]:
    """The providers that this plan asks, by name, and how to drain their lanes."""
    settings = prospect.wanted.project.settings
    asked = {step.spec.provider for step in plan.steps if step.spec and isinstance(step.action, Generate)}
    drafts = {name for name in asked if settings.providers[name].type == DRAFT}
    providers: dict[str, Provider] = {}
    drains: list[Callable[[], None]] = []
    if drafts:
        from reconciler.providers.draft.provider import Draft  # noqa: PLC0415 - Pillow is for drafts only

        drawing = StoredProvider(
            Draft(workspace.store),
            store=workspace.store,
            utc=lambda: datetime.now(UTC),
            parallel=os.cpu_count() or 1,
        )
        providers |= dict.fromkeys(drafts, drawing)
        drains.append(drawing.drain)
    if asked == drafts:
        return providers, drains
    from reconciler.project.paid_providers import paid_providers  # noqa: PLC0415 - a network client is for paid calls only

    paid = paid_providers(
        [settings.providers[name] for name in sorted(asked - drafts)],
        models=settings.models,
        store=workspace.store,
        journal=workspace.journal,
        progress=means.progress,
        budget=means.budget,
        already=[(request.asset, parse_cost(request.cost)) for request in prospect.in_doubt],
        environ=means.environ,
    )
    if prospect.candidates > 1:
        count, progress = prospect.candidates, means.progress
        for name, one in paid.providers.items():
            providers[name] = CandidateProvider(one, count=count, progress=progress)
        return providers, [*drains, *paid.drains]
    return providers | paid.providers, [*drains, *paid.drains]
