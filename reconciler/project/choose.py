"""List the candidates of an asset, or lock another one of them."""

from __future__ import annotations

from reconciler.core.candidates import Candidate, find_candidate
from reconciler.core.errors import ProjectError
from reconciler.core.events import Published
from reconciler.core.lock.lockfile import LockEntry
from reconciler.core.plan.plan import Step, locked_entry
from reconciler.core.plan.selection import selectable_step
from reconciler.core.ports import InTheWay
from reconciler.core.text import printable
from reconciler.core.value import replace, value
from reconciler.project.asset_ids import select_assets
from reconciler.project.candidates import candidates
from reconciler.project.edits import (
    AlreadyDone,
    EditCallbacks,
    Edited,
    EditResult,
    EditSession,
    PassedOver,
    Skipped,
    changed_meanwhile,
    edit_assets,
    edit_session,
)
from reconciler.project.load import load_specs
from reconciler.project.options import Selection
from reconciler.project.planning import PlannedProject, plan_project
from reconciler.project.workspace import Workspace


@value
class LockedCandidates:
    """An asset with its lock entry, and the images that were made for its locked recipe."""

    step: Step
    entry: LockEntry
    found: tuple[Candidate, ...]


def list_candidates(workspace: Workspace, pattern: str) -> LockedCandidates:
    """The candidates of one asset. ProjectError if it is not locked."""
    return _locked(workspace, plan_project(workspace, load_specs(workspace), Selection()), pattern)


def choose(workspace: Workspace, pattern: str, candidate: str, callbacks: EditCallbacks, *, wait: float) -> EditResult:
    """Lock another candidate, by its number or content hash. Costs nothing."""
    with edit_session(workspace, wait=wait) as session:
        locked = _locked(workspace, session.planned, pattern)
        chosen = find_candidate(locked.found, candidate)
        if isinstance(chosen, str):
            raise ProjectError(printable(chosen), hint=f"`reconciler choose {printable(pattern)}` lists them")
        return edit_assets(session, [locked.step], Choice(session, locked.entry, chosen), callbacks)


def _locked(workspace: Workspace, planned: PlannedProject, pattern: str) -> LockedCandidates:
    (name,) = select_assets((pattern,), map(selectable_step, planned.plan.steps)).assets[:1]
    step = next(step for step in planned.plan.steps if step.asset == name)
    entry = locked_entry(step)
    if entry is None:
        raise ProjectError(f"{printable(name)} is not locked yet", hint="`reconciler apply` makes or restores it")
    return LockedCandidates(step, entry, candidates(workspace.store, entry.key, locked=entry.content))


@value
class Choice:
    """Locks one candidate of one asset."""

    session: EditSession
    entry: LockEntry
    chosen: Candidate

    def foresee(self, step: Step) -> Skipped | PassedOver | AlreadyDone | None:
        """See Edit."""
        return None

    def edit(self, step: Step) -> Edited | Skipped:
        """Put the bytes of the candidate in place."""
        return _chosen(self.session, step, self.entry, self.chosen)


def _either(asset: str) -> str:
    name = printable(asset)
    return f"`reconciler adopt {name}` locks the file, `reconciler restore {name}` puts the locked image back"


def _chosen(session: EditSession, step: Step, entry: LockEntry, candidate: Candidate) -> Edited | Skipped:
    there = session.planned.seen.outputs.get(step.output)
    if entry.output != step.output:
        return Skipped(f"it moves from {entry.output} to {step.output}", "run `reconciler apply` first")
    if there not in (None, entry.content, candidate.image.content):
        return Skipped(f"{step.output} was changed by hand", _either(step.asset))
    if candidate.locked and there is not None:
        return Edited((), (f"{printable(step.asset)}: candidate {candidate.number} is locked already",))
    content = candidate.image.content
    expect = there if isinstance(there, str) else None
    placed = session.outputs.place(content, step.output, expect=expect, locked_for=step.output)
    if isinstance(placed, InTheWay):
        return changed_meanwhile(step.output)
    chosen = replace(entry, content=content, image=candidate.image.image, made=candidate.image.made)
    line = f"chose {printable(step.asset)}: candidate {candidate.number} -> {printable(step.output)}"
    return Edited((Published(step.asset, chosen, "restored"),), (line,))
