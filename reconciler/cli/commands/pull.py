"""`reconciler pull`: copy images from the team's store, and restore missing files."""

from __future__ import annotations

import os

import click

from reconciler.cli.asset_ids import id_arguments
from reconciler.cli.edits import edit_exit_code, print_outcome
from reconciler.cli.options import wait_option
from reconciler.cli.streams import echo
from reconciler.core.errors import Exit
from reconciler.core.text import printable
from reconciler.project.edits import EditCallbacks
from reconciler.project.fetch import pull
from reconciler.project.workspace import open_workspace
from reconciler.report.fetch import disbelieved_lines


@click.command(epilog="Example:  reconciler pull 'icons/*'")
@id_arguments(required=False)
@wait_option
@click.pass_obj
def command(directory: str | None, /, ids: tuple[str, ...], wait: float) -> int:
    """Copy images from the team's store, also the other candidates, and restore the files that are missing.

    A file that is there is left alone. Nothing is bought.
    """
    workspace = open_workspace(directory, os.environ)
    callbacks = EditCallbacks(lambda _: True, print_outcome)
    pulled = pull(workspace, ids, callbacks, wait=wait, environ=os.environ)
    for content, why in pulled.not_copied.items():
        echo(f"not copied: {content}: {printable(why.message)}", err=True, prose=True)
    for line in disbelieved_lines(pulled.disbelieved):
        echo(line, err=True, prose=True)
    click.echo(f"copied {pulled.copied}, restored {pulled.restored.work - pulled.restored.skipped}")
    return edit_exit_code(pulled.restored) or (Exit.ERROR if pulled.not_copied else Exit.DONE)
