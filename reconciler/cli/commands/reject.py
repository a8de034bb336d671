"""`reconciler reject`: reject the locked images of assets, or candidates."""

from __future__ import annotations

import click

from reconciler.cli.asset_ids import id_arguments
from reconciler.cli.judging import judging_options, record_verdicts
from reconciler.core.reviews.verdict import Judgement
from reconciler.project.judge import WantedJudgement


@click.command(epilog="Example:  reconciler reject hero --note 'the mast is bent'")
@id_arguments(required=True)
@click.option("--note", default="", metavar="TEXT", help="What is wrong with the image. Required.")
@click.option("--candidate", default="", metavar="N", help="Reject this candidate instead of the locked image.")
@judging_options
@click.pass_obj
def command(
    directory: str | None,
    /,
    ids: tuple[str, ...],
    *,
    note: str,
    candidate: str,
    content: str,
    by: str,
    withdraw: bool,
    yes: bool,
) -> int:
    """Reject images: writes a line to reviews/, to be committed. Costs nothing.

    A rejected image is not restored and not offered again, and its asset is held: `apply --replace-rejected` generates
    another image, at its price; `choose` locks another candidate.
    """
    if not note and not withdraw:
        raise click.UsageError("--note is required: say what is wrong, for whoever makes the next image")
    if candidate and content:
        raise click.UsageError("--candidate and --content exclude each other")
    judgement = Judgement.WITHDRAW if withdraw else Judgement.REJECT
    return record_verdicts(directory, WantedJudgement(ids, judgement, note, content, candidate), by=by, yes=yes)
