"""`reconciler recover`: list the requests in doubt, and remove those that the user has checked."""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import UTC, datetime

import click

from reconciler.cli import options
from reconciler.cli.asset_ids import confirm, id_arguments
from reconciler.core.errors import Exit, ProjectError
from reconciler.core.events import Requested
from reconciler.core.text import printable
from reconciler.project.recover import forget_requests, unended_requests
from reconciler.project.workspace import open_workspace
from reconciler.report.in_doubt import in_doubt_list
from reconciler.report.recover import UnendedFacts


@click.command(epilog="Example:  reconciler recover --forget hero 'icons/*'")
@id_arguments(required=False)
@click.option("--forget", is_flag=True, help="Remove these requests from the list; the next apply sends new ones.")
@click.option("-y", "--yes", is_flag=True, help="Do not ask for confirmation.")
@options.wait_option
@options.format_option("recover")
@click.pass_obj
def command(
    directory: str | None, /, *, ids: tuple[str, ...], forget: bool, format_: str, yes: bool, wait: float
) -> int:
    """List paid requests without a response, with their age and price, or remove some from the list (`--forget`).
    Requests that a provider has accepted as jobs are listed, too: the next apply collects them.

    Their assets are held, because the provider may have charged for the request. Check its bill, then repeat the
    request (`reconciler apply --retry-in-doubt`), adopt a file, or forget the request.
    """
    workspace = open_workspace(directory, os.environ)
    if not forget:
        found = unended_requests(workspace, ids)
        facts = UnendedFacts(found.in_doubt, found.waiting, datetime.now(UTC))
        options.print_report("recover", format_, facts)
        return Exit.DONE
    if not ids:
        raise ProjectError("--forget takes the ids of assets, or globs", hint="`reconciler recover` lists them")

    def consent(requests: Sequence[Requested]) -> bool:
        for line in in_doubt_list(requests, datetime.now(UTC)) if len(requests) > 1 and not yes else ():
            click.echo(line, err=True)
        confirm(len(requests), f"forget these {len(requests)} requests?", yes=yes)
        return True

    for one in forget_requests(workspace, ids, wait=wait, consent=consent, environ=os.environ):
        price = printable(one.cost) or "an unknown price"
        click.echo(f"forgotten: {printable(one.asset)} ({printable(one.provider)}, {printable(one.at)}, {price})")
    return Exit.DONE
