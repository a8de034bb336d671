"""`reconciler recover`: list the requests whose end is unknown, and forget those that a person has looked into."""

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
from reconciler.project.recover import forget_requests, requests_in_doubt
from reconciler.project.workspace import open_workspace
from reconciler.report.in_doubt import in_doubt_list, in_doubt_list_json, in_doubt_total

_HINT = (
    "  hint: look at the provider's bill; then `reconciler apply --retry-in-doubt` asks again, `reconciler adopt ID`\n"
    "        takes a file that you have, `reconciler recover --forget ID` drops the request"
)


@click.command(epilog="Example:  reconciler recover --forget hero 'icons/*'")
@id_arguments(required=False)
@click.option("--forget", is_flag=True, help="Take these assets' requests off the list; the next apply asks anew.")
@click.option("-y", "--yes", is_flag=True, help="Do not ask, however many requests it forgets.")
@click.option("--wait", type=click.FloatRange(min=0), default=0.0, metavar="SECONDS", help="Wait for another apply.")
@options.reading_options
@click.pass_obj
def command(
    directory: str | None, /, *, ids: tuple[str, ...], forget: bool, format_: str, yes: bool, wait: float
) -> int:
    """List paid requests that were sent and got no answer, with their age and price; or forget some of them.

    Such an asset is held: it may have been charged. Look at the provider's bill, then either ask again
    (`reconciler apply --retry-in-doubt`), adopt a file, or forget the request.
    """
    workspace = open_workspace(directory, os.environ)
    if not forget:
        return _list(requests_in_doubt(workspace, ids), format_)
    if not ids:
        raise ProjectError("--forget takes the ids of assets, or globs", hint="`reconciler recover` lists them")

    def consent(requests: Sequence[Requested]) -> bool:
        for line in in_doubt_list(requests, datetime.now(UTC)) if len(requests) > 1 and not yes else ():
            click.echo(line, err=True)
        confirm(len(requests), f"forget these {len(requests)} requests?", yes=yes)
        return True

    for one in forget_requests(workspace, ids, wait=wait, consent=consent):
        price = printable(one.cost) or "an unknown price"
        click.echo(f"forgotten: {printable(one.asset)} ({printable(one.provider)}, {printable(one.at)}, {price})")
    return Exit.DONE


def _list(in_doubt: Sequence[Requested], format_: str) -> int:
    if format_ == "json":
        options.print_json(in_doubt_list_json(in_doubt))
        return Exit.DONE
    for line in in_doubt_list(in_doubt, datetime.now(UTC)):
        click.echo(line)
    if not in_doubt:
        click.echo("nothing is in doubt")
        return Exit.DONE
    click.echo(f"{len(in_doubt)} in doubt, which may have cost {in_doubt_total(in_doubt)}")
    click.echo(_HINT, err=True)
    return Exit.DONE
