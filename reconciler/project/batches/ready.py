"""The use cases around open batches: list them, collect what is ready and put it in place, cancel one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager

from reconciler.core.batches.jobs import NotAnswered
from reconciler.core.errors import ProjectError
from reconciler.core.events import OpenBatch
from reconciler.core.plan.actions import Adopt, OutputMissing, Restore
from reconciler.core.plan.plan import Plan
from reconciler.core.ports import Log
from reconciler.core.text import printable
from reconciler.core.value import replace, value
from reconciler.engine.report import Report
from reconciler.project.apply import ApplyProposal, propose_submission
from reconciler.project.batches.collect import collect_ready, line_of_batch, provider_of_batch
from reconciler.project.batches.state import open_requests, settled_batches
from reconciler.project.carry_out import RunOptions, carry_out
from reconciler.project.load import load_specs
from reconciler.project.options import PlanOptions
from reconciler.project.workspace import Workspace
from reconciler.report.batches import BatchLine, BatchOutcome

TYPE_CHECKING = False
if TYPE_CHECKING:  # few projects have a team
    from reconciler.project.batches.team import TeamCollection

FIRST_PAUSE = 5.0
"""Seconds between the first two looks of `collect --wait`; each later one is longer by half, ..."""
LONGEST_PAUSE = 60.0
"""... up to this one."""
_GOING_ON = (BatchOutcome.WORKING, BatchOutcome.UNKNOWN)


@value
class CollectCallbacks:
    """The caller's part: `progress` opens a log for a number of images that are put in place, `say` gets messages."""

    progress: Callable[[int], AbstractContextManager[Log]]
    say: Callable[[str], None]


@value
class Collected:
    """A line for each batch, and the report of the images that were put in place; None if there were none."""

    batches: tuple[BatchLine, ...]
    report: Report | None = None


def open_batches(workspace: Workspace) -> tuple[BatchLine, ...]:
    """The batches that are not closed, as the journal has them. Nobody is asked."""
    settled = settled_batches(workspace)
    return tuple(_listed(batch, line_of_batch(batch, open_requests(settled, batch))) for batch in settled.batches)


def _listed(batch: OpenBatch, line: BatchLine) -> BatchLine:
    return line if batch.accepted is not None else replace(line, outcome=BatchOutcome.UNKNOWN)


def collect(
    workspace: Workspace, callbacks: CollectCallbacks, *, lock_wait: float, environ: Mapping[str, str]
) -> Collected:
    """Collect what is ready, then put every image in place that the store has for its recipe. Buys nothing."""
    with workspace.exclusive(lock_wait):
        lines = collect_ready(workspace, environ)
        proposal = propose_submission(workspace, PlanOptions())
        team = _team_of(workspace, proposal, callbacks, environ)
        if team is not None:
            team.bring()
        report = _put_in_place(workspace, proposal, callbacks, environ)
        if team is not None and report is not None:
            entries = workspace.locked().entries
            team.bring_conversions(entries[line.asset] for line in report.lines if line.asset in entries)
        return Collected(lines, report)


def _team_of(
    workspace: Workspace, proposal: ApplyProposal, callbacks: CollectCallbacks, environ: Mapping[str, str]
) -> TeamCollection | None:
    """The team's store, None for a project without one."""
    if proposal.planned.loaded.project.settings.team is None:
        return None
    from reconciler.project.batches.team import team_collection  # noqa: PLC0415 - few projects have a team

    return team_collection(workspace, proposal.planned, environ, callbacks.say)


def _put_in_place(
    workspace: Workspace, proposal: ApplyProposal, callbacks: CollectCallbacks, environ: Mapping[str, str]
) -> Report | None:
    """The report of the steps that put an existing image in place; None if there are none."""
    steps = tuple(
        step
        for step in proposal.plan.asset_steps
        if isinstance(step.action, Restore | Adopt) and not isinstance(step.action.reason, OutputMissing)
    )
    if not steps:
        workspace.close_journal()
        return None
    with callbacks.progress(len(steps)) as progress:
        run = RunOptions(proposal.budget, progress, environ, callbacks.say)
        return carry_out(workspace, proposal.planned, Plan(steps), run).report


def collect_all(
    opened: Callable[[], Workspace],
    callbacks: CollectCallbacks,
    *,
    lock_wait: float,
    environ: Mapping[str, str],
    sleep: Callable[[float], None],
) -> Collected:
    """The same until no batch is worked on any more. The lock is free between two looks; each look opens the project
    anew."""
    found: dict[str, BatchLine] = {}
    pause, reports = FIRST_PAUSE, list[Report]()
    while True:
        collected = collect(opened(), callbacks, lock_wait=lock_wait, environ=environ)
        found |= {line.batch: line for line in collected.batches}
        reports += [collected.report] if collected.report is not None else []
        going_on = [line for line in collected.batches if line.outcome in _GOING_ON]
        if not going_on:
            return Collected(tuple(found.values()), _joined(reports))
        number = f"{len(going_on)} batch{'' if len(going_on) == 1 else 'es'}"
        callbacks.say(f"waiting for {number}; looking again in {pause:.0f} s")
        sleep(pause)
        pause = min(pause * 1.5, LONGEST_PAUSE)


def _joined(reports: Iterable[Report]) -> Report | None:
    joined: Report | None = None
    for report in reports:
        if joined is None:
            joined = report
        else:
            joined.lines += report.lines
            joined.errors += report.errors
    return joined


def cancel_batch(workspace: Workspace, name: str, *, lock_wait: float, environ: Mapping[str, str]) -> BatchLine:
    """Ask a provider to cancel a batch: by the beginning of its id, or by the id of its job."""
    with workspace.exclusive(lock_wait):
        settled = settled_batches(workspace)
        named = [
            one
            for one in settled.batches
            if one.prepared.batch.startswith(name) or (one.accepted is not None and one.accepted.job == name)
        ]
        if len(named) != 1 or not name:
            fact = "several open batches have" if len(named) > 1 else "no open batch has"
            raise ProjectError(f"{fact} the id {printable(name)}", hint="`reconciler batches` lists them")
        (batch,) = named
        line = line_of_batch(batch, open_requests(settled, batch))
        if batch.accepted is None:
            hint = "`reconciler collect` looks for it"
            raise ProjectError(f"it is not known whether batch {printable(name)} was created", hint=hint)
        settings = load_specs(workspace).project.settings
        provider = provider_of_batch(batch, settings.providers, settings.models, environ, workspace)
        if isinstance(provider, str):
            raise ProjectError(provider)
        ended = asyncio.run(provider.jobs.cancel(batch.accepted.job))
        if isinstance(ended, NotAnswered):
            return replace(line, outcome=BatchOutcome.UNREACHABLE, message=ended.message)
        return replace(line, outcome=BatchOutcome.CANCELLING)
