"""`reconciler explain`: the origin of each field of an asset, and why it is stale or up to date."""

from __future__ import annotations

import os
from datetime import UTC, datetime

import click

from reconciler.cli import options
from reconciler.cli.asset_ids import id_arguments
from reconciler.cli.derived_paths import print_derived
from reconciler.core.errors import Exit
from reconciler.core.plan.selection import selectable_step
from reconciler.project.asset_ids import select_assets
from reconciler.project.edits import locked_contents
from reconciler.project.explain import explain
from reconciler.project.load import load_specs
from reconciler.project.options import Selection
from reconciler.project.planning import plan_project
from reconciler.project.workspace import open_workspace
from reconciler.report.explain import ExplainFacts


@click.command(epilog="Example:  reconciler explain 'icons/items#rare-sword'")
@id_arguments(required=True)
@options.format_option("explain")
@click.pass_obj
def command(directory: str | None, /, ids: tuple[str, ...], format_: str) -> int:
    """Show the file and line of each field, the resulting prompt, and the changes since the image was locked.

    ID may be the path of a derived file: then its rule, operations and key are shown.
    """
    workspace = open_workspace(directory, os.environ)
    if print_derived(workspace, ids, format_):
        return Exit.DONE
    planned = plan_project(workspace, load_specs(workspace), Selection())
    chosen = frozenset(select_assets(ids, map(selectable_step, planned.plan.steps)).assets)
    steps = sorted((step for step in planned.plan.steps if step.asset in chosen), key=lambda step: step.asset)
    now = datetime.now(UTC)
    contents = locked_contents(planned)
    facts = ExplainFacts(
        now, tuple((explain(workspace, planned, step, now, contents=contents), step) for step in steps)
    )
    options.print_report("explain", format_, facts)
    return Exit.DONE
