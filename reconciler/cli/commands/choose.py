"""`reconciler choose`: list the candidates of an asset, or lock another one of them."""

from __future__ import annotations

import os
from typing import Any

import click

from reconciler.cli import options
from reconciler.cli.asset_ids import AssetIds, select_assets
from reconciler.core.candidates import Candidate, find_candidate
from reconciler.core.errors import Exit, ProjectError
from reconciler.core.events import Published
from reconciler.core.plan.plan import Step
from reconciler.core.ports import InTheWay
from reconciler.core.text import printable
from reconciler.core.value import replace
from reconciler.project.candidates import candidates
from reconciler.project.edits import Edited, EditSession, Skipped, apply_edits, edit_session
from reconciler.project.load import load_specs
from reconciler.project.options import Selection
from reconciler.project.planning import PlannedProject, plan_project
from reconciler.project.workspace import Workspace, open_workspace
from reconciler.report.candidates import candidate_lines, candidates_json, short_hash


@click.command(epilog="Example:  reconciler choose hero 2")
@click.argument("asset", type=AssetIds(), metavar="ID")
@click.argument("candidate", default="", metavar="[NUMBER|HASH]")
@options.reading_options
@click.option("--wait", type=click.FloatRange(min=0), default=0.0, metavar="SECONDS", help="Wait for an apply.")
@click.pass_obj
def command(directory: str | None, /, asset: str, candidate: str, format_: str, wait: float) -> int:
    """Lock another of the pictures that were made for an asset (`apply --candidates`). Costs nothing.

    Without a number or a content hash, list them: the locked one is marked.
    """
    if not candidate:
        workspace = open_workspace(directory, os.environ)
        step = _step(plan_project(workspace, load_specs(workspace), Selection()), asset)
        return _list(workspace, step, format_)
    with edit_session(directory, wait=wait) as stage:
        step = _step(stage.planned, asset)
        wanted = find_candidate(_candidates(stage.workspace, step), candidate)
        if isinstance(wanted, str):
            raise ProjectError(printable(wanted), hint=f"`reconciler choose {printable(asset)}` lists them")
        code = apply_edits(stage, [step], lambda each: _chosen(stage, each, wanted))
        if format_ == "json":
            _list(
                stage.workspace, _step(plan_project(stage.workspace, stage.planned.loaded, Selection()), asset), format_
            )
    return code


def _step(planned: PlannedProject, asset: str) -> Step:
    """The step of the one asset that is named, which is locked."""
    (name,) = select_assets((asset,), (step.asset for step in planned.plan.steps)).assets[:1]
    step = next(step for step in planned.plan.steps if step.asset == name)
    if step.entry is None:
        raise ProjectError(f"{printable(name)} is not locked yet", hint="`reconciler apply` makes or restores it")
    return step


def _candidates(workspace: Workspace, step: Step) -> tuple[Candidate, ...]:
    assert step.entry is not None
    return candidates(workspace.store, step.entry.key, locked=step.entry.content)


def _list(workspace: Workspace, step: Step, format_: str) -> int:
    found = _candidates(workspace, step)
    if format_ == "json":
        told: dict[str, Any] = {"asset": step.asset, "candidates": candidates_json(found, root=workspace.root)}
        options.print_json(told)
        return Exit.DONE
    for line in candidate_lines(found, root=workspace.root):
        click.echo(line)
    if not found:
        click.echo("no picture for its recipe is in the store of this project")
    elif not any(one.locked for one in found) and step.entry is not None:
        made = "a draft" if step.entry.made.placeholder else "a file that was adopted or made elsewhere"
        click.echo(f"*    {short_hash(step.entry.content)}  {made} is locked, none of these")
    return Exit.DONE


def _either(asset: str) -> str:
    name = printable(asset)
    return f"`reconciler adopt {name}` keeps it, `reconciler restore {name}` does not"


def _chosen(stage: EditSession, step: Step, wanted: Candidate) -> Edited | Skipped:
    entry = step.entry
    assert entry is not None
    there = stage.planned.seen.outputs.get(step.output)
    if entry.output != step.output:
        return Skipped(f"it moves from {entry.output} to {step.output}", "`reconciler apply` first")
    if there not in (None, entry.content, wanted.image.content):
        return Skipped(f"{step.output} was changed by hand", _either(step.asset))
    if wanted.locked and there is not None:
        return Edited((), (f"{printable(step.asset)}: candidate {wanted.number} is locked already",))
    content = wanted.image.content
    expect = there if isinstance(there, str) else None
    placed = stage.outputs.place(content, step.output, expect=expect, locked_for=step.output)
    if isinstance(placed, InTheWay):
        return Skipped(f"{step.output} was changed meanwhile", "close what writes it, and try again")
    chosen = replace(entry, content=content, image=wanted.image.image, made=wanted.image.made)
    line = f"chose {printable(step.asset)}: candidate {wanted.number} -> {printable(step.output)}"
    return Edited((Published(step.asset, chosen, "restored"),), (line,))
