"""`reconciler review`: look at images in a browser and judge them; list the results of reviews; merge their files."""

from __future__ import annotations

import os

import click

from reconciler.cli import options
from reconciler.cli.asset_ids import confirm, id_arguments
from reconciler.core.errors import Exit
from reconciler.core.reviews.rules import REVIEWS
from reconciler.project.compact_reviews import compact_reviews
from reconciler.project.load import load_specs
from reconciler.project.options import Selection
from reconciler.project.planning import PlannedProject, plan_project
from reconciler.project.review_list import reviewed_images
from reconciler.project.workspace import Workspace, open_workspace
from reconciler.report.formats import counted


@click.command(epilog="Example:  reconciler review 'icons/*'")
@id_arguments(required=False)
@options.format_option("review")
@click.option("--list", "listed", is_flag=True, help="List which images are approved, rejected and open.")
@click.option("--compact", is_flag=True, help="Merge the committed files in reviews/ into one.")
@click.option("-y", "--yes", is_flag=True, help="Do not ask for confirmation.")
@click.option("--port", type=click.IntRange(0, 65535), default=0, metavar="N", help="Serve the page on this port.")
@click.option("--no-browser", is_flag=True, help="Print the address of the page, and open no browser.")
@click.pass_obj
def command(
    directory: str | None,
    /,
    ids: tuple[str, ...],
    *,
    format_: str,
    listed: bool,
    compact: bool,
    yes: bool,
    port: int,
    no_browser: bool,
) -> int:
    """Look at images in a browser, approve and reject them, and choose candidates. Only this machine can reach the
    page. Verdicts are written to reviews/, to be committed. Nothing is generated, and nothing is spent.

    --list prints which images are approved, rejected and open, by whom, when, and why.

    --compact merges old files: it drops verdicts that a later one of the same person replaces, and approvals and notes
    of images that the lockfile of no branch names. Rejections stay.
    """
    if not listed and not compact:
        from reconciler.cli.reviewing import serve_review  # noqa: PLC0415 - a list needs no server

        return serve_review(directory, ids, port=port, browser=not no_browser)
    workspace = open_workspace(directory, os.environ)
    planned = plan_project(workspace, load_specs(workspace), Selection())
    if compact:
        _compact(workspace, planned, yes=yes)
    if listed:
        options.print_report("review", format_, reviewed_images(workspace, planned, ids))
    return Exit.DONE


def _compact(workspace: Workspace, planned: PlannedProject, *, yes: bool) -> None:
    def consent(count: int) -> bool:
        confirm(count, f"Merge {count} files of {REVIEWS}/ into one?", yes=yes)
        return True

    done = compact_reviews(workspace, planned.reviews, consent=consent)
    if not done.file:
        click.echo("nothing to compact", err=True)
        return
    counts = f"{counted(done.kept, 'verdict')} kept, {done.dropped:,} dropped"
    click.echo(f"merged {counted(done.files, 'file')} into {done.file}: {counts}", err=True)
