"""`reconciler prune`: remove the images of assets that no spec describes any more."""

from __future__ import annotations

import os

import click

from reconciler.cli.asset_ids import id_arguments
from reconciler.cli.edits import edit_callbacks, exit_code
from reconciler.cli.options import editing_options
from reconciler.core.text import printable
from reconciler.project.prune import prune
from reconciler.project.workspace import open_workspace


@click.command(epilog="Example:  reconciler prune 'icons/*'")
@id_arguments(required=False)
@editing_options
@click.pass_obj
def command(directory: str | None, /, ids: tuple[str, ...], yes: bool, wait: float) -> int:
    """Remove orphans, all or those named: their images and lock entries. The bytes stay in the store.

    A file that was changed by hand is left alone, and so is its entry.
    """
    callbacks = edit_callbacks(
        "remove these {} images and their lock entries?",
        lambda step: f"{printable(step.asset)}  {printable(step.output)}",
        yes=yes,
    )
    result = prune(open_workspace(directory, os.environ), ids, callbacks, wait=wait)
    if not result.work:
        click.echo("nothing to prune: every asset of the lockfile has a spec")
    return exit_code(result)
