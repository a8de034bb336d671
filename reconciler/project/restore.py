"""Bring the locked content of assets back."""

from __future__ import annotations

from collections.abc import Sequence

from reconciler.core.digest import ContentHash
from reconciler.core.events import Durable, Published, RefusalRecorded
from reconciler.core.lock.lockfile import LockEntry
from reconciler.core.plan.observed import Blocked
from reconciler.core.plan.plan import Step
from reconciler.core.ports import InTheWay
from reconciler.core.text import printable
from reconciler.core.value import replace, value
from reconciler.project.asset_ids import select_assets
from reconciler.project.edits import (
    AlreadyDone,
    EditCallbacks,
    Edited,
    EditResult,
    EditSession,
    PassedOver,
    Skipped,
    edit_assets,
    edit_session,
)
from reconciler.project.workspace import Workspace


def restore(workspace: Workspace, ids: Sequence[str], callbacks: EditCallbacks, *, wait: float) -> EditResult:
    """Put the locked images of these assets back where they are missing or were changed."""
    with edit_session(workspace, wait=wait) as session:
        chosen = select_assets(ids, (step.asset for step in session.planned.plan.steps))
        named = (step for step in session.planned.plan.steps if step.asset in chosen.assets)
        steps = [step for step in named if step.entry is not None or step.asset in chosen.exactly]
        return edit_assets(session, steps, Restoration(session), callbacks)


@value
class Restoration:
    """Restores one asset after another. Bytes that are replaced go to the store first."""

    session: EditSession

    def foresee(self, step: Step) -> Skipped | PassedOver | AlreadyDone | None:
        """See Edit."""
        if step.entry is None:
            return Skipped("nothing is locked for it", "`reconciler apply` makes it")
        if self.session.planned.seen.outputs.get(step.output) == step.entry.content:
            return AlreadyDone(f"{printable(step.output)} holds the locked content already")
        return None

    def edit(self, step: Step) -> Edited | Skipped:
        """Put the locked bytes in place."""
        return _restored(self.session, step)


def _restored(session: EditSession, step: Step) -> Edited | Skipped:
    found, entry = session.planned.seen.outputs.get(step.output), step.entry
    assert entry is not None
    if isinstance(found, Blocked):
        return Skipped(f"{step.output} is {found.what}")
    placed = session.outputs.place(entry.content, step.output, expect=found, locked_for=entry.output)
    if isinstance(placed, InTheWay):
        return Skipped(f"{step.output} was changed meanwhile", "close what writes it, and try again")
    lines = [f"restored {printable(step.asset)} -> {printable(step.output)}"]
    if found is not None:
        lines.append(f"  what was there: {_kept(session, found)}")
    if entry.output == step.output and step.origin is None:
        return Edited((), tuple(lines))
    lines += _vacated(session, entry)
    return Edited(_events(session, step, replace(entry, output=step.output)), tuple(lines))


def _events(session: EditSession, step: Step, entry: LockEntry) -> tuple[Durable, ...]:
    """The entry follows to another path; that takes nothing back of what the model refused."""
    published = Published(step.asset, entry, "restored", step.origin)
    refusal = session.planned.lock.refusals.get(step.asset)
    return (published, RefusalRecorded(step.asset, refusal)) if refusal else (published,)


def _kept(session: EditSession, found: ContentHash) -> str:
    if session.workspace.store.find(found) is None:
        return f"a Git LFS pointer to {found}"
    return f"{found}, kept in the store"


def _vacated(session: EditSession, entry: LockEntry) -> list[str]:
    """The path that the asset has left."""
    if entry.output in session.in_use:
        return []
    gone = session.outputs.vacate(entry.output, expect=entry.content)
    if isinstance(gone, InTheWay) and gone.found is not None:
        return [f"  {printable(entry.output)} holds other bytes and stays: nothing refers to it any more"]
    return []
