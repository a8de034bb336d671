"""`reconciler costs`: the costs of images by the records of the lockfile, the store and the journal."""

from __future__ import annotations

import os

import click

from reconciler.cli import options
from reconciler.core.errors import Exit
from reconciler.core.money.totals import GROUPS, Row, grouped, summed
from reconciler.project.costs import costed_images
from reconciler.project.workspace import open_workspace
from reconciler.report.costs import CostFacts


@click.command(epilog="Example:  reconciler costs --by tag --format json")
@click.option(
    "--by", "groups", multiple=True, type=click.Choice(list(GROUPS)), help="Group by this only. Default: all groups."
)
@options.format_option("costs")
@click.pass_obj
def command(directory: str | None, /, groups: tuple[str, ...], format_: str) -> int:
    """Sum the costs of images by model, tag, month and provider. Writes nothing.

    "Locked now" sums the images of assets.lock, including those that colleagues generated. "Generated in this checkout"
    sums the images in the store of this checkout, including replaced ones, candidates and images that do not fit their
    spec. Requests in doubt, and requests that were answered without an image, are listed below the sums. An asset with
    several tags counts under each of them.
    """
    workspace = open_workspace(directory, os.environ)
    images = costed_images(workspace)
    by = {name: grouped(images.locked, images.ever, GROUPS[name]) for name in groups or GROUPS}
    everything = Row("all", summed(images.locked), summed(images.ever))
    options.print_report(
        "costs", format_, CostFacts(everything, by, workspace.in_doubt(), images.answered, workspace.waiting())
    )
    return Exit.DONE
