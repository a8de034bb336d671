"""`reconciler adopt`: lock the file at the output of an asset."""

from __future__ import annotations

import os
from datetime import UTC, datetime

import click

from reconciler.cli.asset_ids import id_arguments
from reconciler.cli.derived_paths import adopt_paths, derived_arguments
from reconciler.cli.edits import edit_callbacks, edit_exit_code
from reconciler.cli.options import editing_options
from reconciler.core.errors import Exit
from reconciler.core.text import printable
from reconciler.project.adopt import ByHand, ByModel, adopt
from reconciler.project.workspace import open_workspace


@click.command(epilog="Example:  reconciler adopt hero 'icons/*'")
@id_arguments(required=True)
@click.option(
    "--generated", is_flag=True, help="A model made the images, in another program: a changed spec replaces them."
)
@click.option("--model", metavar="NAME", help="The model that made them, for the record; with --generated.")
@editing_options
@click.pass_obj
def command(
    directory: str | None, /, ids: tuple[str, ...], *, generated: bool, model: str | None, yes: bool, wait: float
) -> int:
    """Lock the file as it is: an image from elsewhere, an edited one, or the old one for a changed spec.

    Its bytes go to the store, and the asset is then up to date. A request in doubt for it is resolved. An adopted image
    is a person's work: if its spec changes, it is left alone until `apply --replace ID`. ID may be the path of a
    derived file that was edited.
    """
    if model is not None and not generated:
        raise click.UsageError("--model names the model of --generated images")
    workspace = open_workspace(directory, os.environ)
    paths, ids = derived_arguments(workspace, ids)
    if paths:
        adopt_paths(workspace, paths, yes=yes, wait=wait)
        if not ids:
            return Exit.DONE
    callbacks = edit_callbacks(
        "lock these {} files as they are?",
        lambda step: f"{printable(step.asset)}  {printable(step.output)}",
        yes=yes,
    )
    maker = ByModel(model or "") if generated else ByHand()
    return edit_exit_code(adopt(workspace, ids, callbacks, wait=wait, utc=lambda: datetime.now(UTC), maker=maker))
