"""`reconciler gallery`: write a page with the images of the project."""

from __future__ import annotations

import os
from pathlib import Path

import click

from reconciler.cli.asset_ids import id_arguments
from reconciler.cli.streams import echo
from reconciler.core.errors import Exit
from reconciler.core.text import printable
from reconciler.project.gallery.gallery import GalleryOptions, gallery_text, write_gallery
from reconciler.project.workspace import open_workspace
from reconciler.report.formats import counted


@click.command(epilog="Example:  reconciler gallery --against main --changed -o review.html")
@id_arguments(required=False)
@click.option(
    "-o",
    "--out",
    type=click.Path(dir_okay=False, allow_dash=True),
    default="gallery.html",
    show_default=True,
    metavar="FILE",
    help="Write the page to FILE; - is standard output.",
)
@click.option("--against", metavar="REV", default="", help="Compare with the images of a branch, a tag or a commit.")
@click.option("--changed", is_flag=True, help="Show only images that differ from --against, or else from HEAD.")
@click.option("--candidates", is_flag=True, help="Show the candidates of each asset, too.")
@click.option(
    "--embed",
    type=click.Choice(["thumbs", "full"]),
    default="thumbs",
    show_default=True,
    help="Embed thumbnails and link to the images, or embed the images themselves (up to 50 MiB).",
)
@click.pass_obj
def command(
    directory: str | None,
    /,
    ids: tuple[str, ...],
    *,
    out: str,
    against: str,
    changed: bool,
    candidates: bool,
    embed: str,
) -> int:
    """Write one HTML file that shows images before and after, with the reasons, prompts, prices and references. It
    works offline; no image is sent anywhere. Decisions on it are commands to copy.

    ID is an id, a glob, tag:NAME, a spec file, a folder or an output; without one, all assets are shown.
    """
    workspace = open_workspace(directory, os.environ)
    options = GalleryOptions(ids, against, changed, candidates, embed == "full", _announce)
    if out == "-":
        click.echo(gallery_text(workspace, options), nl=False)
        return Exit.DONE
    number = write_gallery(workspace, options, Path(directory or ".") / out)
    echo(f"{printable(out)}: {counted(number, 'asset')}", err=True)
    return Exit.DONE


def _announce(missing: int) -> None:
    if missing > 50:
        echo(f"making {counted(missing, 'thumbnail')}", err=True)
