"""`reconciler check`: is anything left to do? For builds and for CI."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from typing import Any

import click

from reconciler.cli import options
from reconciler.core.errors import Exit
from reconciler.core.lock.lockfile import verify_recipe_keys
from reconciler.project.load import load_specs
from reconciler.project.options import in_ci
from reconciler.project.planning import plan_project, remember
from reconciler.project.workspace import open_workspace
from reconciler.report.plan_json import plan_json
from reconciler.report.plan_text import behind_line, cached_answers, check_hint, plan_lines, totals_line


@click.command(epilog="Example:  reconciler check || exit 1")
@options.reading_options
@options.selection_options
@click.option("--strict", is_flag=True, help="Hash every file and every recipe again. CI does so anyway.")
@click.option("-q", "--quiet", is_flag=True, help="Say it with the exit code alone.")
@click.pass_obj
def command(directory: str | None, /, format_: str, strict: bool, quiet: bool, **given: Any) -> int:
    """Exit 0 if nothing is left to do, 2 if something is. Writes nothing, needs no key, opens no socket."""
    workspace = open_workspace(directory, os.environ, strict=strict)
    chosen = options.plan_options(given)
    planned = plan_project(workspace, load_specs(workspace), chosen.selection)
    if strict or in_ci(os.environ):
        verify_recipe_keys(planned.lock)
    remember(workspace, planned, cached_answers(planned.plan, datetime.now(UTC)) if chosen.is_default else {})
    drift = bool(planned.plan.drift or planned.behind)
    if format_ == "json":
        options.print_json({"clean": not drift, "behind": planned.behind, **plan_json(planned.plan)})
    elif not quiet and drift:
        for line in plan_lines(planned.plan, datetime.now(UTC)):
            click.echo(line)
        if planned.behind:
            click.echo(behind_line(planned.behind, running=workspace.holder()))
        hint = check_hint(planned.plan, behind=planned.behind)
        if hint:
            click.echo(hint, err=True)
    elif not quiet:
        click.echo(totals_line(planned.plan))
    return Exit.DRIFT if drift else Exit.DONE
