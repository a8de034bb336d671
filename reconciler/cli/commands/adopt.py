"""`reconciler adopt`: make the file that is there the locked content of an asset."""

from __future__ import annotations

import os
from datetime import UTC, datetime

import click

from reconciler.cli.asset_ids import id_arguments
from reconciler.cli.edits import edit_callbacks, exit_code
from reconciler.cli.options import editing_options
from reconciler.core.text import printable
from reconciler.project.adopt import adopt
from reconciler.project.workspace import open_workspace


@click.command(epilog="Example:  reconciler adopt hero 'icons/*'")
@id_arguments(required=True)
@editing_options
@click.pass_obj
def command(directory: str | None, /, ids: tuple[str, ...], yes: bool, wait: float) -> int:
    """Take the file as it is: an image made elsewhere, one painted over, or the old one for changed words.

    Its bytes go to the store, and the asset is up to date from then on. A request in doubt for it is settled.
    """
    callbacks = edit_callbacks(
        "lock these {} files as they are?",
        lambda step: f"{printable(step.asset)}  {printable(step.output)}",
        yes=yes,
    )
    workspace = open_workspace(directory, os.environ)
    return exit_code(adopt(workspace, ids, callbacks, wait=wait, utc=lambda: datetime.now(UTC)))
