"""`reconciler apply`: make what is missing or changed."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from reconciler.cli import options
from reconciler.cli.asset_ids import AssetIds
from reconciler.cli.progress import open_progress
from reconciler.core.candidates import Candidate
from reconciler.core.digest import AssetId
from reconciler.core.errors import ConsentNeeded, Exit, ProjectError
from reconciler.core.lock.lockfile import verify_recipe_keys
from reconciler.core.plan.actions import Generate, Keep
from reconciler.core.plan.plan import Plan
from reconciler.core.specs.settings import Budget
from reconciler.core.text import printable
from reconciler.engine.report import Result
from reconciler.project.apply import ApplyResult, close_journal, run_apply
from reconciler.project.candidates import candidates
from reconciler.project.keys import require_keys
from reconciler.project.saved_plan import read_plan
from reconciler.project.workspace import PlannedProject, Workspace, budgeted, in_ci, open_workspace, run_budget
from reconciler.report.apply_summary import exit_code, problem_lines, report_json, summary_line
from reconciler.report.candidates import candidate_lines, candidates_json
from reconciler.report.in_doubt import in_doubt_lines
from reconciler.report.plan_json import plan_json
from reconciler.report.plan_text import plan_lines, plan_total
from reconciler.report.warnings import caution_lines, cautions_json
from reconciler.store.documents.project import read_lock


@click.command(epilog="Example:  reconciler apply --include 'icons/*' --max-cost 2.00")
@click.argument("plan_file", required=False, type=click.Path(dir_okay=False), metavar="[PLAN]")
@click.option("--format", "format_", type=click.Choice(["text", "json"]), default="text", help="json: a line an event.")
@options.selection_options
@options.consent_options
@click.option(
    "--replace",
    type=AssetIds(),
    multiple=True,
    metavar="ID",
    help="Make this asset again; the old bytes go to the store.",
)
@click.option("--draft", is_flag=True, help="Fill what has no real image with drafts, whatever the provider.")
@click.option("--max-cost", type=options.Money(), help="Spend no more than this sum.")
@click.option("--max-images", type=click.IntRange(min=0), help="Pay for no more than this number of images.")
@options.retry_options
@click.option("--wait", type=click.FloatRange(min=0), default=0.0, metavar="SECONDS", help="Wait for another apply.")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@click.pass_obj
def command(
    directory: str | None, /, *, plan_file: str | None, format_: str, yes: bool, wait: float, **given: Any
) -> int:
    """Show the plan and its price, ask, and do it. Restores before it generates; never overwrites a person's work.

    PLAN is a file that `reconciler plan -o` wrote: what it says is done, or less of it, or nothing if any of it is not
    true any more.
    """
    workspace = open_workspace(directory, os.environ)
    promised = read_plan(Path(directory or ".") / plan_file) if plan_file is not None else None
    given = promised.given(given) if promised is not None else given
    with workspace.exclusive(wait):
        prospect = workspace.look(workspace.wanted(), options.selection(given))
        _known(prospect, given["replace"])
        if promised is not None:
            prospect, notes = promised.held_to(prospect, given)
            for note in notes:
                click.echo(note, err=True)
        plan = budgeted(prospect, given["max_cost"], given["max_images"])
        budget = run_budget(prospect.wanted.project.settings.budget, given["max_cost"], given["max_images"])
        if format_ == "text":
            for line in caution_lines(prospect.wanted.cautions):
                click.echo(line, err=True)
        if all(isinstance(step.action, Keep) for step in plan.steps):
            return _nothing(workspace, prospect, format_)
        if format_ == "text":
            for line in (*plan_lines(plan, datetime.now(UTC)), *_times(prospect)):
                click.echo(line, err=True)
        verify_recipe_keys(
            prospect.lock
        )  # what is compared with a recipe that somebody edited proves nothing: before any money
        require_keys(plan, prospect.wanted.project.settings.providers, os.environ)
        _consent(plan, budget, os.environ, yes=yes)
        ending = _run(workspace, prospect, plan, budget, format_)
        return _tell(ending, workspace, prospect, format_)


def _times(prospect: PlannedProject) -> Iterator[str]:
    if prospect.candidates > 1:
        yield f"{prospect.candidates} candidates for each image that is paid for; prices are those of all of them"


def _known(prospect: PlannedProject, names: tuple[str, ...]) -> None:
    for name in names:
        if name not in prospect.wanted.specs:
            raise ProjectError(f'--replace: no asset is called "{name}"', hint="`reconciler plan` lists them")


def _nothing(workspace: Workspace, prospect: PlannedProject, format_: str) -> int:
    if prospect.behind or workspace.journal.read():  # a death after all was done left it open
        close_journal(workspace)
    if format_ == "json":
        warnings = cautions_json(prospect.wanted.cautions)
        options.print_json_line({"event": "end", **plan_json(prospect.plan), "warnings": warnings})
    else:
        for line in plan_lines(prospect.plan, datetime.now(UTC)):
            click.echo(line)
    return Exit.DONE


def _consent(plan: Plan, budget: Budget, environ: Mapping[str, str], *, yes: bool) -> None:
    """Ask on a terminal; elsewhere nothing is spent that nobody agreed to."""
    paid = [
        step
        for step in plan.steps
        if isinstance(step.action, Generate) and (step.action.cost is None or not step.action.cost.free)
    ]
    if paid and in_ci(environ) and budget.per_run is None and budget.images is None:
        hint = "set --max-cost or --max-images, or budget: in reconciler.yaml"
        fact = f"in CI nothing is spent without a budget, and this would cost {plan_total(plan)}"
        raise ConsentNeeded(fact, hint=hint)
    if yes:
        return
    if sys.stdin.isatty() and sys.stderr.isatty():
        if not click.confirm(f"do it, for {plan_total(plan)}?" if paid else "do it?", err=True):
            raise ConsentNeeded("nothing was done")
    elif paid:
        raise ConsentNeeded(f"this would cost {plan_total(plan)}", hint="say --yes where nobody can be asked")


def _run(workspace: Workspace, prospect: PlannedProject, plan: Plan, budget: Budget, format_: str) -> ApplyResult:
    work = sum(not isinstance(step.action, Keep) for step in plan.steps)
    progress = open_progress(format_, work)
    try:
        return run_apply(
            workspace,
            prospect,
            plan,
            budget=budget,
            progress=progress,
            environ=os.environ,
            say=lambda text: click.echo(text, err=True),
        )
    finally:
        progress.close()


def _tell(ending: ApplyResult, workspace: Workspace, prospect: PlannedProject, format_: str) -> int:
    made = _made(ending, workspace) if prospect.candidates > 1 else {}
    ended = {line.asset for line in ending.report.lines}
    in_doubt = [one for one in workspace.in_doubt() if ending.interrupted or one.asset in ended]
    if format_ == "json":
        told = {"event": "end", **report_json(ending.report, in_doubt=in_doubt)}
        told["warnings"] = cautions_json(prospect.wanted.cautions)
        listed = {asset: candidates_json(found, root=workspace.root) for asset, found in made.items()}
        options.print_json_line(told | ({"candidates": listed} if listed else {}))
    else:
        for line in problem_lines(ending.report, in_doubt=in_doubt):
            click.echo(line, err=True)
        cut_off = [one for one in in_doubt if one.asset not in ended]
        for one, line in zip(cut_off, in_doubt_lines(cut_off, datetime.now(UTC)), strict=True):
            click.echo(f"in doubt: {printable(one.asset)}: {line}", err=True)
        if cut_off:
            click.echo("  hint: `reconciler recover` lists them", err=True)
        for asset, found in made.items():
            name = printable(asset)
            click.echo(f"{name}: {len(found)} candidates; `reconciler choose {name} NUMBER` locks another one:")
            for line in candidate_lines(found, root=workspace.root):
                click.echo(line)
        click.echo(summary_line(ending.report, in_doubt=in_doubt))
    return Exit.INTERRUPTED if ending.interrupted else exit_code(ending.report, in_doubt=in_doubt)


def _made(ending: ApplyResult, workspace: Workspace) -> dict[AssetId, tuple[Candidate, ...]]:
    """The candidates of what was made, each asset's where there is a choice."""
    entries = read_lock(workspace.root).entries
    made = sorted(line.asset for line in ending.report.lines if line.result is Result.MADE)
    found = {
        asset: candidates(workspace.store, entries[asset].key, locked=entries[asset].content)
        for asset in made
        if asset in entries
    }
    return {asset: all_of_it for asset, all_of_it in found.items() if len(all_of_it) > 1}
