"""`reconciler prune`: remove the images of assets that have no spec any more."""

from __future__ import annotations

import os

import click

from reconciler.cli.asset_ids import id_arguments
from reconciler.cli.edits import edit_callbacks, edit_exit_code
from reconciler.cli.options import editing_options
from reconciler.core.text import printable
from reconciler.project.prune import prune
from reconciler.project.workspace import open_workspace


@click.command(epilog="Example:  reconciler prune 'icons/*'")
@id_arguments(required=False)
@editing_options
@click.pass_obj
def command(directory: str | None, /, ids: tuple[str, ...], yes: bool, wait: float) -> int:
    """Remove the images and lock entries of orphans, of all or of those named. The bytes are kept in the store.

    A file that was changed by hand is kept, with its entry.
    """
    callbacks = edit_callbacks(
        "remove these {} images and their lock entries?",
        lambda step: f"{printable(step.asset)}  {printable(step.output)}",
        yes=yes,
    )
    result = prune(open_workspace(directory, os.environ), ids, callbacks, wait=wait)
    if not result.work:
        click.echo("nothing to prune: every asset of the lockfile has a spec")
    return edit_exit_code(result)
