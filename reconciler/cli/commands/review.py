"""`reconciler review`: list the results of reviews, and merge their old files."""

from __future__ import annotations

import os

import click

from reconciler.cli import options
from reconciler.cli.asset_ids import id_arguments
from reconciler.core.errors import Exit
from reconciler.project.load import load_specs
from reconciler.project.options import Selection
from reconciler.project.planning import plan_project
from reconciler.project.review_list import reviewed_assets
from reconciler.project.workspace import open_workspace


@click.command(epilog="Example:  reconciler review --list --format json")
@id_arguments(required=False)
@options.format_option("review")
@click.option("--list", "listed", is_flag=True, help="List which images are approved, rejected and open.")
@click.pass_obj
def command(directory: str | None, /, ids: tuple[str, ...], *, format_: str, listed: bool) -> int:
    """List which images are approved, rejected and open, by whom, when, and why. Writes nothing."""
    if not listed:
        raise click.UsageError("pass --list")
    workspace = open_workspace(directory, os.environ)
    planned = plan_project(workspace, load_specs(workspace), Selection())
    options.print_report("review", format_, reviewed_assets(planned, ids))
    return Exit.DONE
