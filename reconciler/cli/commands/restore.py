"""`reconciler restore`: restore the locked image of an asset."""

from __future__ import annotations

import os

import click

from reconciler.cli.asset_ids import id_arguments
from reconciler.cli.derived_paths import derived_arguments, restore_paths
from reconciler.cli.edits import edit_callbacks, edit_exit_code
from reconciler.cli.options import editing_options
from reconciler.core.errors import Exit
from reconciler.core.text import printable
from reconciler.project.restore import restore
from reconciler.project.workspace import open_workspace


@click.command(epilog="Example:  reconciler restore hero 'icons/*'")
@id_arguments(required=True)
@editing_options
@click.pass_obj
def command(directory: str | None, /, ids: tuple[str, ...], yes: bool, wait: float) -> int:
    """Restore the locked image if the file is missing or changed. A replaced file is first saved in the store.

    The path of a derived file makes that file as it should be.
    """
    workspace = open_workspace(directory, os.environ)
    paths, ids = derived_arguments(workspace, ids)
    code = restore_paths(workspace, paths, yes=yes, wait=wait) if paths else Exit.DONE
    if paths and not ids:
        return code
    question = "restore the locked content of these {} files?"
    callbacks = edit_callbacks(question, lambda step: printable(step.output), yes=yes)
    return code or edit_exit_code(restore(workspace, ids, callbacks, wait=wait))
