"""`reconciler approve`: approve the locked images of assets."""

from __future__ import annotations

import click

from reconciler.cli.asset_ids import id_arguments
from reconciler.cli.judging import judging_options, record_verdicts
from reconciler.core.reviews.verdict import Judgement
from reconciler.project.judge import WantedJudgement


@click.command(epilog="Example:  reconciler approve 'icons/*' --yes")
@id_arguments(required=True)
@click.option("--note", default="", metavar="TEXT", help="A note to the verdict.")
@judging_options
@click.pass_obj
def command(
    directory: str | None,
    /,
    ids: tuple[str, ...],
    *,
    note: str,
    content: str,
    by: str,
    withdraw: bool,
    yes: bool,
) -> int:
    """Approve the locked images of assets: writes a line to reviews/, to be committed. Costs nothing.

    An image is approved by its content, wherever it moves. Assets that are stale, drafts, in conflict or in doubt are
    refused.
    """
    judgement = Judgement.WITHDRAW if withdraw else Judgement.APPROVE
    return record_verdicts(directory, WantedJudgement(ids, judgement, note, content), by=by, yes=yes)
