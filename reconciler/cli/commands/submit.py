"""`reconciler submit`: submit images as batches, at half the price."""

from __future__ import annotations

import os
import sys
from datetime import UTC, datetime
from typing import Any

import click

from reconciler.cli import options
from reconciler.cli.streams import echo
from reconciler.core.errors import ConsentNeeded
from reconciler.core.text import printable
from reconciler.project.batches.submit import SubmitCallbacks, SubmitOptions, SubmitProposal, submit
from reconciler.project.workspace import open_workspace
from reconciler.report.batches import BatchFacts, batches_exit
from reconciler.report.formats import counted
from reconciler.report.plan_text import plan_total
from reconciler.report.plan_view import Verbosity, plan_lines


@click.command(epilog="Example:  reconciler submit 'icons/*' --max-cost 2.00")
@options.format_option("submit")
@options.selection_options
@options.consent_options
@click.option("--max-cost", type=options.Money(), help="Spend at most this sum.")
@click.option("--max-images", type=click.IntRange(min=0), help="Pay for at most this number of images.")
@click.option(
    "--without-team", is_flag=True, help="Submit without claims in the team's store: two may pay for one image."
)
@options.verbosity_options(quiet="Print only the batches and the problems.")
@options.editing_options
@click.pass_obj
def command(
    directory: str | None,
    /,
    *,
    format_: str,
    wait: float,
    quiet: bool,
    verbose: bool,
    yes: bool,
    without_team: bool,
    **given: Any,
) -> int:
    """Submit the images that are missing or changed as batches, which providers make within a day at half the price.

    Shows the plan and its price, and asks for confirmation. Batches are for providers of type gemini and openai. In a
    team, the images are claimed first: no other checkout buys them meanwhile.
    `reconciler collect` fetches the images, and so does the next apply, which never requests what is submitted.
    """
    workspace = open_workspace(directory, os.environ)
    shown = options.verbosity(quiet=quiet, verbose=verbose)
    callbacks = SubmitCallbacks(
        show=lambda proposal: _show(proposal, format_, shown),
        consent=lambda proposal: yes or _ask(proposal),
        say=lambda text: echo(text, err=True, prose=True),
    )
    chosen = SubmitOptions(options.plan_options(given), wait, without_team)
    done = submit(workspace, chosen, callbacks, environ=os.environ)
    facts = BatchFacts(done.jobs, datetime.now(UTC), done.failed, empty="nothing to submit")
    options.print_report("submit", format_, facts)
    return batches_exit(done.jobs, failed=bool(done.failed))


def _show(proposal: SubmitProposal, format_: str, verbosity: Verbosity) -> None:
    if format_ == "text" and proposal.proposal.plan.steps:
        for line in plan_lines(proposal.proposal.plan, datetime.now(UTC), verbosity=verbosity):
            echo(line, err=True, prose=True)
    for why, assets in proposal.left.items():
        named = ", ".join(map(printable, assets[:3])) + (" and more" if len(assets) > 3 else "")
        echo(f"not submitted: {counted(len(assets), 'asset')} ({named}): {why}", err=True, prose=True)


def _ask(proposal: SubmitProposal) -> bool:
    price = plan_total(proposal.proposal.plan)
    if sys.stdin.isatty() and sys.stderr.isatty():
        return click.confirm(f"submit this plan as batches, for {price}?", err=True)
    raise ConsentNeeded(f"this would cost {price}", hint="pass --yes to run non-interactively")
