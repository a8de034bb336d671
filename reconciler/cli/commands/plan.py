"""`reconciler plan`: what would be done, why, and what it would cost."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from reconciler.cli import options
from reconciler.cli.asset_ids import AssetIds
from reconciler.core.errors import Exit
from reconciler.project.saved_plan import write_plan
from reconciler.project.workspace import budgeted, open_workspace
from reconciler.report.plan_json import plan_json
from reconciler.report.plan_text import behind_line, cached_answers, plan_lines
from reconciler.report.warnings import caution_lines, cautions_json
from reconciler.store.state.lock import holder


@click.command(epilog="Example:  reconciler plan --include 'icons/*'")
@options.reading_options
@options.selection_options
@options.consent_options
@click.option("--draft", is_flag=True, help="Plan as `apply --draft` would: drafts for all that has no real image.")
@click.option(
    "--replace", type=AssetIds(), multiple=True, metavar="ID", help="Plan to make this asset again. May be repeated."
)
@click.option("--max-cost", type=options.Money(), help="Hold what would pass this sum.")
@click.option("--max-images", type=click.IntRange(min=0), help="Hold what would pass this number of images.")
@options.retry_options
@click.option("-o", "--out", type=click.Path(dir_okay=False), metavar="FILE", help="Also write it, for `apply FILE`.")
@click.option("--exit-code", is_flag=True, help="Exit 2 if anything is to be done.")
@click.pass_obj
def command(directory: str | None, /, format_: str, exit_code: bool, out: str | None, **given: Any) -> int:
    """Show what would be made, why, and what it would cost. Needs no key, opens no socket, and writes only with -o."""
    workspace = open_workspace(directory, os.environ)
    prospect = workspace.look(workspace.wanted(), options.selection(given))
    workspace.remember(
        prospect, cached_answers(prospect.plan, datetime.now(UTC)) if options.is_unrestricted(given) else {}
    )
    plan = budgeted(prospect, given["max_cost"], given["max_images"])
    if out is not None:
        write_plan(Path(directory or ".") / out, prospect, plan, given=given)
    cautions = prospect.wanted.cautions
    if format_ == "json":
        options.print_json(plan_json(plan) | {"behind": prospect.behind, "warnings": cautions_json(cautions)})
    else:
        for line in caution_lines(cautions):
            click.echo(line, err=True)
        for line in plan_lines(plan, datetime.now(UTC)):
            click.echo(line)
        if prospect.behind:
            click.echo(behind_line(prospect.behind, running=holder(workspace.state / "lock")))
    return Exit.DRIFT if exit_code and (plan.drift or prospect.behind) else Exit.DONE
