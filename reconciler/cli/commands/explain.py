"""`reconciler explain`: where each field of an asset comes from, and why it is or is not stale."""

from __future__ import annotations

import os
from datetime import UTC, datetime

import click

from reconciler.cli import options
from reconciler.cli.asset_ids import id_arguments
from reconciler.core.errors import Exit
from reconciler.project.asset_ids import select_assets
from reconciler.project.explain import explain
from reconciler.project.load import load_specs
from reconciler.project.options import Selection
from reconciler.project.planning import plan_project
from reconciler.project.workspace import open_workspace
from reconciler.report.explain import explanation_lines


@click.command(epilog="Example:  reconciler explain 'icons/items#rare-sword'")
@id_arguments(required=True)
@options.reading_options
@click.pass_obj
def command(directory: str | None, /, ids: tuple[str, ...], format_: str) -> int:
    """Say of every field which file and line it comes from, what the prompt came to, and what changed since."""
    workspace = open_workspace(directory, os.environ)
    planned = plan_project(workspace, load_specs(workspace), Selection())
    chosen = select_assets(ids, (step.asset for step in planned.plan.steps))
    steps = sorted((step for step in planned.plan.steps if step.asset in chosen.assets), key=lambda step: step.asset)
    told = [explain(planned, step, datetime.now(UTC)) for step in steps]
    if format_ == "json":
        options.print_json({"explain": 1, "assets": told})
        return Exit.DONE
    for number, (one, step) in enumerate(zip(told, steps, strict=True)):
        if number:
            click.echo()
        for line in explanation_lines(one, step, now=datetime.now(UTC)):
            click.echo(line)
    return Exit.DONE
