"""`reconciler restore`: bring the locked content of an asset back."""

from __future__ import annotations

from typing import Any

import click

from reconciler.cli.asset_ids import confirm, id_arguments, select_assets
from reconciler.cli.options import editing_options
from reconciler.core.digest import ContentHash
from reconciler.core.errors import Exit
from reconciler.core.events import Durable, Published, RefusalRecorded
from reconciler.core.lock.lockfile import LockEntry
from reconciler.core.plan.observed import Blocked
from reconciler.core.plan.plan import Step
from reconciler.core.ports import InTheWay
from reconciler.core.text import printable
from reconciler.core.value import replace
from reconciler.project.edits import Edited, EditSession, Skipped, apply_edits, edit_session, report_skipped


@click.command(epilog="Example:  reconciler restore hero 'icons/*'")
@id_arguments(required=True)
@editing_options
@click.pass_obj
def command(directory: str | None, /, ids: tuple[str, ...], yes: bool, wait: float, **_: Any) -> int:
    """Put the locked image back where it is missing or was changed. Bytes that it replaces go to the store first."""
    with edit_session(directory, wait=wait) as stage:
        chosen = select_assets(ids, (step.asset for step in stage.planned.plan.steps))
        work, refused = [], 0
        for step in stage.planned.plan.steps:
            if step.asset not in chosen.assets:
                continue
            if step.entry is None:
                if step.asset in chosen.exactly:
                    report_skipped(step.asset, Skipped("nothing is locked for it", "`reconciler apply` makes it"))
                    refused += 1
            elif stage.planned.seen.outputs.get(step.output) == step.entry.content:
                click.echo(f"{printable(step.asset)}: {printable(step.output)} holds the locked content already")
            else:
                work.append(step)
        for step in work if len(work) > 1 and not yes else ():
            click.echo(f"  {printable(step.output)}", err=True)
        confirm(len(work), f"put the locked content back into these {len(work)} files?", yes=yes)
        code = apply_edits(stage, work, lambda step: _restored(stage, step))
    return Exit.ERROR if refused else code


def _restored(stage: EditSession, step: Step) -> Edited | Skipped:
    found, entry = stage.planned.seen.outputs.get(step.output), step.entry
    assert entry is not None
    if isinstance(found, Blocked):
        return Skipped(f"{step.output} is {found.what}")
    placed = stage.outputs.place(entry.content, step.output, expect=found, locked_for=entry.output)
    if isinstance(placed, InTheWay):
        return Skipped(f"{step.output} was changed meanwhile", "close what writes it, and try again")
    lines = [f"restored {printable(step.asset)} -> {printable(step.output)}"]
    if found is not None:
        lines.append(f"  what was there: {_kept(stage, found)}")
    if entry.output == step.output and step.origin is None:
        return Edited((), tuple(lines))
    lines += _vacated(stage, entry)
    return Edited(_events(stage, step, replace(entry, output=step.output)), tuple(lines))


def _events(stage: EditSession, step: Step, entry: LockEntry) -> tuple[Durable, ...]:
    """The entry follows to another path; that takes nothing back of what the model refused."""
    published = Published(step.asset, entry, "restored", step.origin)
    refusal = stage.planned.lock.refusals.get(step.asset)
    return (published, RefusalRecorded(step.asset, refusal)) if refusal else (published,)


def _kept(stage: EditSession, found: ContentHash) -> str:
    if stage.workspace.store.find(found) is None:
        return f"a Git LFS pointer to {found}"
    return f"{found}, kept in the store"


def _vacated(stage: EditSession, entry: LockEntry) -> list[str]:
    """The path that the asset has left."""
    if entry.output in stage.in_use:
        return []
    gone = stage.outputs.vacate(entry.output, expect=entry.content)
    if isinstance(gone, InTheWay) and gone.found is not None:
        return [f"  {printable(entry.output)} holds other bytes and stays: nothing refers to it any more"]
    return []
