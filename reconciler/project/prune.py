"""Remove the images of assets that have no spec any more."""

from __future__ import annotations

from collections.abc import Sequence

from reconciler.core.digest import AssetId
from reconciler.core.errors import ProjectError
from reconciler.core.events import Forgotten, Removed
from reconciler.core.plan.observed import Blocked
from reconciler.core.plan.plan import OrphanStep
from reconciler.core.plan.selection import selectable_step
from reconciler.core.ports import InTheWay
from reconciler.core.text import printable
from reconciler.core.value import value
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
    settled_in_doubt,
)
from reconciler.project.workspace import Workspace

_BY_HAND = "move it away or delete it, then run `reconciler prune` again"


def prune(workspace: Workspace, ids: Sequence[str], callbacks: EditCallbacks, *, wait: float) -> EditResult:
    """Remove the images and lock entries of these orphans; of all orphans if no ids are given."""
    with edit_session(workspace, wait=wait) as session:
        orphans = [step for step in session.planned.plan.steps if isinstance(step, OrphanStep)]
        steps = _chosen(session, orphans, ids) if ids else orphans
        return edit_assets(session, steps, Pruning(session), callbacks)


@value
class Pruning:
    """Prunes one orphan after another. Their bytes are kept in the store."""

    session: EditSession

    def foresee(self, step: OrphanStep) -> Skipped | PassedOver | AlreadyDone | None:
        """See Edit."""
        return None

    def edit(self, step: OrphanStep) -> Edited | Skipped:
        """Remove the image, unless a spec uses its file."""
        return _pruned(self.session, step)


def _chosen(session: EditSession, orphans: list[OrphanStep], ids: Sequence[str]) -> list[OrphanStep]:
    specs = session.planned.loaded.specs
    for name in ids:
        if name in specs:
            hint = "remove its spec first; to generate a new image: `reconciler apply --replace`"
            raise ProjectError(f"{printable(name)} is not an orphan: it has a spec", hint=hint)
    names: set[AssetId] = set(select_assets(ids, map(selectable_step, orphans)).assets)
    return [step for step in orphans if step.asset in names]


def _pruned(session: EditSession, step: OrphanStep) -> Edited | Skipped:
    lines = [f"pruned {printable(step.asset)}"]
    if step.output in session.in_use:
        lines.append(f"  {printable(step.output)} is kept: a spec uses it")
    else:
        skipped = _removed(session, step)
        if skipped is not None:
            return skipped
    settled, notes = settled_in_doubt(session.planned, step.asset)
    return Edited((Removed(step.asset), *(Forgotten(one.attempt) for one in settled)), (*lines, *notes))


def _removed(session: EditSession, step: OrphanStep) -> Skipped | None:
    """Remove the file, with its bytes kept in the store; Skipped if that cannot be done."""
    found = session.planned.seen.outputs.get(step.output)
    if found is None:
        return None
    if isinstance(found, Blocked):
        return Skipped(f"{step.output} is {found.what}", _BY_HAND)
    if found != step.entry.content:
        return Skipped(f"{step.output} was changed by hand", _BY_HAND)
    if isinstance(session.outputs.vacate(step.output, expect=step.entry.content), InTheWay):
        fact = f"{step.output} was changed during this command, or its bytes are not in this checkout (`git lfs pull`)"
        return Skipped(fact, _BY_HAND)
    return None
