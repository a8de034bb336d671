"""`reconciler check`: is anything left to do? For builds and for CI."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from typing import Any

import click

from reconciler.cli import options
from reconciler.core.errors import Exit
from reconciler.core.lock.lockfile import verify_recipe_keys
from reconciler.project.workspace import in_ci, open_workspace
from reconciler.report.plan_json import plan_json
from reconciler.report.plan_text import behind_line, cached_answers, check_hint, plan_lines, totals_line
from reconciler.store.state.lock import holder


@click.command(epilog="Example:  reconciler check || exit 1")
@options.reading_options
@options.selection_options
@click.option("--strict", is_flag=True, help="Hash every file and every recipe again. CI does so anyway.")
@click.option("-q", "--quiet", is_flag=True, help="Say it with the exit code alone.")
@click.pass_obj
def command(directory: str | None, /, format_: str, strict: bool, quiet: bool, **given: Any) -> int:
    """Exit 0 if nothing is left to do, 2 if something is. Writes nothing, needs no key, opens no socket."""
    workspace = open_workspace(directory, os.environ, strict=strict)
    prospect = workspace.look(workspace.wanted(), options.selection(given))
    if strict or in_ci(os.environ):
        verify_recipe_keys(prospect.lock)
    workspace.remember(
        prospect, cached_answers(prospect.plan, datetime.now(UTC)) if options.is_unrestricted(given) else {}
    )
    drift = bool(prospect.plan.drift or prospect.behind)
    if format_ == "json":
        options.print_json({"clean": not drift, "behind": prospect.behind, **plan_json(prospect.plan)})
    elif not quiet and drift:
        for line in plan_lines(prospect.plan, datetime.now(UTC)):
            click.echo(line)
        if prospect.behind:
            click.echo(behind_line(prospect.behind, running=holder(workspace.state / "lock")))
        hint = check_hint(prospect.plan, behind=prospect.behind)
        if hint:
            click.echo(hint, err=True)
    elif not quiet:
        click.echo(totals_line(prospect.plan))
    return Exit.DRIFT if drift else Exit.DONE
