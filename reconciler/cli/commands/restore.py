"""`reconciler restore`: restore the locked image of an asset."""

from __future__ import annotations

import os

import click

from reconciler.cli.asset_ids import id_arguments
from reconciler.cli.edits import edit_callbacks, edit_exit_code
from reconciler.cli.options import editing_options
from reconciler.core.text import printable
from reconciler.project.restore import restore
from reconciler.project.workspace import open_workspace


@click.command(epilog="Example:  reconciler restore hero 'icons/*'")
@id_arguments(required=True)
@editing_options
@click.pass_obj
def command(directory: str | None, /, ids: tuple[str, ...], yes: bool, wait: float) -> int:
    """Restore the locked image if the file is missing or changed. A replaced file is first saved in the store."""
    question = "restore the locked content of these {} files?"
    callbacks = edit_callbacks(question, lambda step: printable(step.output), yes=yes)
    return edit_exit_code(restore(open_workspace(directory, os.environ), ids, callbacks, wait=wait))
