"""`reconciler prune`: remove the images of assets that no spec describes any more."""

from __future__ import annotations

from typing import Any

import click

from reconciler.cli.asset_ids import confirm, id_arguments, select_assets
from reconciler.cli.options import editing_options
from reconciler.core.digest import AssetId
from reconciler.core.errors import ProjectError
from reconciler.core.events import Forgotten, Removed
from reconciler.core.plan.observed import Blocked
from reconciler.core.plan.plan import Step
from reconciler.core.ports import InTheWay
from reconciler.core.text import printable
from reconciler.project.edits import Edited, EditSession, Skipped, apply_edits, edit_session, settled_in_doubt

_BY_HAND = "move it away or delete it, then prune again"


@click.command(epilog="Example:  reconciler prune 'icons/*'")
@id_arguments(required=False)
@editing_options
@click.pass_obj
def command(directory: str | None, /, ids: tuple[str, ...], yes: bool, wait: float, **_: Any) -> int:
    """Remove orphans, all or those named: their images and lock entries. The bytes stay in the store.

    A file that was changed by hand is left alone, and so is its entry.
    """
    with edit_session(directory, wait=wait) as stage:
        orphans = [step for step in stage.planned.plan.steps if step.spec is None and step.entry is not None]
        work = _chosen(stage, orphans, ids) if ids else orphans
        if not work:
            click.echo("nothing to prune: every asset of the lockfile has a spec")
        for step in work if len(work) > 1 and not yes else ():
            click.echo(f"  {printable(step.asset)}  {printable(step.output)}", err=True)
        confirm(len(work), f"remove these {len(work)} images and their lock entries?", yes=yes)
        return apply_edits(stage, work, lambda step: _pruned(stage, step))


def _chosen(stage: EditSession, orphans: list[Step], ids: tuple[str, ...]) -> list[Step]:
    wanted = stage.planned.loaded.specs
    for name in ids:
        if name in wanted:
            hint = "remove its spec first; `reconciler apply --replace` makes it again"
            raise ProjectError(f"{printable(name)} is no orphan: a spec describes it", hint=hint)
    names: set[AssetId] = set(select_assets(ids, (step.asset for step in orphans)).assets)
    return [step for step in orphans if step.asset in names]


def _pruned(stage: EditSession, step: Step) -> Edited | Skipped:
    lines = [f"pruned {printable(step.asset)}"]
    assert step.entry is not None
    if step.output in stage.in_use:
        lines.append(f"  {printable(step.output)} stays: a spec uses it")
    else:
        left = _removed(stage, step)
        if left is not None:
            return left
    settled, told = settled_in_doubt(stage.planned, step.asset)
    return Edited((Removed(step.asset), *(Forgotten(one.attempt) for one in settled)), (*lines, *told))


def _removed(stage: EditSession, step: Step) -> Skipped | None:
    """The file is gone and its bytes are in the store; or why not."""
    found = stage.planned.seen.outputs.get(step.output)
    entry = step.entry
    assert entry is not None
    if found is None:
        return None
    if isinstance(found, Blocked):
        return Skipped(f"{step.output} is {found.what}", _BY_HAND)
    if found != entry.content:
        return Skipped(f"{step.output} was changed by hand", _BY_HAND)
    if isinstance(stage.outputs.vacate(step.output, expect=entry.content), InTheWay):
        return Skipped(f"{step.output} was changed meanwhile, or its bytes are not here (`git lfs pull`)", _BY_HAND)
    return None
