"""Restore the locked content of assets."""

from __future__ import annotations

from collections.abc import Sequence

from reconciler.core.digest import ContentHash
from reconciler.core.events import Published
from reconciler.core.lock.lockfile import LockEntry
from reconciler.core.plan.observed import Blocked
from reconciler.core.plan.plan import AssetStep, Step, locked_entry
from reconciler.core.plan.selection import selectable_step
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
    changed_meanwhile,
    edit_assets,
    edit_session,
)
from reconciler.project.workspace import Workspace

_NOT_LOCKED = Skipped("nothing is locked for it", "`reconciler apply` generates it")


def restore(workspace: Workspace, ids: Sequence[str], callbacks: EditCallbacks, *, wait: float) -> EditResult:
    """Restore the locked images of these assets where files are missing or changed."""
    with edit_session(workspace, wait=wait) as session:
        chosen = select_assets(ids, map(selectable_step, session.planned.plan.steps))
        names = frozenset(chosen.assets)
        named = (step for step in session.planned.plan.steps if step.asset in names)
        steps = [step for step in named if locked_entry(step) is not None or step.asset in chosen.exactly]
        restoration = Restoration(session)
        return edit_assets(session, steps, restoration, callbacks, at_once=restoration.at_once)


@value
class Restoration:
    """Restores assets. Bytes that are replaced go to the store first."""

    session: EditSession

    def foresee(self, step: Step) -> Skipped | PassedOver | AlreadyDone | None:
        """See Edit."""
        entry = locked_entry(step)
        if entry is None:
            return _NOT_LOCKED
        if self.session.planned.seen.outputs.get(step.output) == entry.content:
            return AlreadyDone(f"{printable(step.output)} has the locked content already")
        return None

    def at_once(self, step: Step) -> bool:
        """Whether a step only puts an absent file in its old place."""
        entry = locked_entry(step)
        absent = self.session.planned.seen.outputs.get(step.output) is None
        return entry is not None and entry.output == step.output and absent

    def edit(self, step: Step) -> Edited | Skipped:
        """Put the locked bytes in place."""
        entry = locked_entry(step)
        return _NOT_LOCKED if entry is None else _restored(self.session, step, entry)


def _restored(session: EditSession, step: Step, entry: LockEntry) -> Edited | Skipped:
    found = session.planned.seen.outputs.get(step.output)
    if isinstance(found, Blocked):
        return Skipped(f"{step.output} is {found.what}")
    placed = session.outputs.place(entry.content, step.output, expect=found, locked_for=entry.output)
    if isinstance(placed, InTheWay):
        return changed_meanwhile(step.output)
    lines = [f"restored {printable(step.asset)} -> {printable(step.output)}"]
    if found is not None:
        lines.append(f"  it replaced {_kept(session, found)}")
    origin = step.origin if isinstance(step, AssetStep) else None
    if entry.output == step.output and origin is None:
        return Edited((), tuple(lines))
    lines += _vacated(session, entry)
    return Edited((Published(step.asset, replace(entry, output=step.output), "restored", origin),), tuple(lines))


def _kept(session: EditSession, found: ContentHash) -> str:
    if session.workspace.store.find(found) is None:
        return f"a Git LFS pointer to {found}"
    return f"{found}, kept in the store"


def _vacated(session: EditSession, entry: LockEntry) -> list[str]:
    """Remove the file at the old path of a moved asset; lines about a file that is kept."""
    if entry.output in session.in_use:
        return []
    removed = session.outputs.vacate(entry.output, expect=entry.content)
    if isinstance(removed, InTheWay) and removed.found is not None:
        return [f"  {printable(entry.output)} is kept: it has other content, and no asset uses it any more"]
    return []
