"""`reconciler apply`: make what is missing or changed."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import Any

import click

from reconciler.cli import options
from reconciler.cli.progress import open_progress
from reconciler.cli.render import plan_json, plan_lines, plan_total
from reconciler.cli.running import Ending, carry_out, close_journal
from reconciler.cli.summary import exit_code, problem_lines, report_json, summary_line
from reconciler.cli.wiring import Prospect, Workspace, budgeted, in_ci, open_workspace, run_budget
from reconciler.core.actions import Generate, Keep
from reconciler.core.errors import ConsentNeeded, Exit, ProjectError
from reconciler.core.plan import Plan
from reconciler.core.settings import Budget


@click.command(epilog="Example:  reconciler apply --include 'icons/*' --max-cost 2.00")
@click.option("--format", "format_", type=click.Choice(["text", "json"]), default="text", help="json: a line an event.")
@options.selecting
@options.consenting
@click.option("--replace", multiple=True, metavar="ID", help="Make this asset again; the old bytes go to the store.")
@click.option("--draft", is_flag=True, help="Fill what has no real image with drafts, whatever the provider.")
@click.option("--max-cost", type=options.Money(), help="Spend no more than this sum.")
@click.option("--max-images", type=click.IntRange(min=0), help="Pay for no more than this number of images.")
@click.option("--wait", type=click.FloatRange(min=0), default=0.0, metavar="SECONDS", help="Wait for another apply.")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@click.pass_obj
def command(directory: str | None, /, format_: str, yes: bool, wait: float, **given: Any) -> int:
    """Show the plan and its price, ask, and do it. Restores before it generates; never overwrites a person's work."""
    workspace = open_workspace(directory, os.environ)
    with workspace.exclusive(wait):
        prospect = workspace.look(workspace.wanted(), options.selection(given))
        _known(prospect, given["replace"])
        plan = budgeted(prospect, given["max_cost"], given["max_images"])
        budget = run_budget(prospect.wanted.project.settings.budget, given["max_cost"], given["max_images"])
        if all(isinstance(step.action, Keep) for step in plan.steps):
            return _nothing(workspace, prospect, format_)
        if format_ == "text":
            for line in plan_lines(plan):
                click.echo(line, err=True)
        _consent(plan, budget, os.environ, yes=yes)
        ending = _run(workspace, prospect, plan, budget, format_)
    return _tell(ending, format_)


def _known(prospect: Prospect, names: tuple[str, ...]) -> None:
    for name in names:
        if name not in prospect.wanted.specs:
            raise ProjectError(f'--replace: no asset is called "{name}"', hint="`reconciler plan` lists them")


def _nothing(workspace: Workspace, prospect: Prospect, format_: str) -> int:
    if prospect.behind:
        close_journal(workspace)
    if format_ == "json":
        options.print_json({"event": "end", **plan_json(prospect.plan)})
    else:
        for line in plan_lines(prospect.plan):
            click.echo(line)
    return Exit.DONE


def _consent(plan: Plan, budget: Budget, environ: Mapping[str, str], *, yes: bool) -> None:
    """Ask on a terminal; elsewhere nothing is spent that nobody agreed to."""
    paid = [
        step
        for step in plan.steps
        if isinstance(step.action, Generate) and (step.action.cost is None or step.action.cost.amount > 0)
    ]
    if paid and in_ci(environ) and budget.per_run is None and budget.images is None:
        hint = "set --max-cost or --max-images, or budget: in reconciler.yaml"
        fact = f"in CI nothing is spent without a budget, and this would cost {plan_total(plan)}"
        raise ConsentNeeded(fact, hint=hint)
    if yes:
        return
    if sys.stdin.isatty() and sys.stderr.isatty():
        click.confirm(f"do it, for {plan_total(plan)}?" if paid else "do it?", abort=True, err=True)
    elif paid:
        raise ConsentNeeded(f"this would cost {plan_total(plan)}", hint="say --yes where nobody can be asked")


def _run(workspace: Workspace, prospect: Prospect, plan: Plan, budget: Budget, format_: str) -> Ending:
    work = sum(not isinstance(step.action, Keep) for step in plan.steps)
    progress = open_progress(format_, work)
    try:
        return carry_out(
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


def _tell(ending: Ending, format_: str) -> int:
    if format_ == "json":
        options.print_json({"event": "end", **report_json(ending.report)})
    else:
        for line in problem_lines(ending.report):
            click.echo(line, err=True)
        click.echo(summary_line(ending.report))
    return Exit.INTERRUPTED if ending.interrupted else exit_code(ending.report)
