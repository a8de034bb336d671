"""`reconciler fetch`: ask the team's store what it has."""

from __future__ import annotations

import os

import click

from reconciler.cli import options
from reconciler.cli.asset_ids import id_arguments
from reconciler.core.errors import Exit
from reconciler.project.fetch import fetch
from reconciler.project.workspace import open_workspace


@click.command(epilog="Example:  reconciler fetch && reconciler plan")
@id_arguments(required=False)
@options.wait_option
@options.format_option("fetch")
@click.pass_obj
def command(directory: str | None, /, *, ids: tuple[str, ...], wait: float, format_: str) -> int:
    """Ask the team's store what it has of the images that are missing here. Copies no image, and buys none.

    `plan` and `check` then show what would come from there. `apply` asks by itself.
    """
    workspace = open_workspace(directory, os.environ)
    options.print_report("fetch", format_, fetch(workspace, ids, wait=wait, environ=os.environ))
    return Exit.DONE
