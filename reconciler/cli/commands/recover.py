"""`reconciler recover`: list the requests whose end is unknown, and forget those that a person has looked into."""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from typing import Any

import click

from reconciler.cli import options
from reconciler.cli.asset_ids import confirm, id_arguments
from reconciler.core.errors import Exit, ProjectError
from reconciler.core.events import Forgotten, Requested
from reconciler.core.text import printable
from reconciler.project.workspace import Workspace, open_workspace
from reconciler.report.in_doubt import in_doubt_json, in_doubt_lines, in_doubt_total

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
        return _listed(_chosen(workspace.in_doubt(), ids), format_)
    if not ids:
        raise ProjectError("--forget takes the ids of assets, or globs", hint="`reconciler recover` lists them")
    with workspace.exclusive(wait):
        return _forgotten(workspace, _chosen(workspace.in_doubt(), ids), yes=yes)


def _chosen(in_doubt: Sequence[Requested], ids: Sequence[str]) -> tuple[Requested, ...]:
    """The requests of the assets that ids and globs name, all for no ids. ProjectError for one that names none."""
    for pattern in ids:
        if not any(_names(pattern, one) for one in in_doubt):
            hint = "`reconciler recover` lists what is"
            raise ProjectError(f'nothing is in doubt for "{printable(pattern)}"', hint=hint)
    return tuple(one for one in in_doubt if not ids or any(_names(pattern, one) for pattern in ids))


def _names(pattern: str, request: Requested) -> bool:
    return request.asset == pattern or fnmatchcase(request.asset, pattern)


def _listed(in_doubt: Sequence[Requested], format_: str) -> int:
    if format_ == "json":
        cost = in_doubt_total(in_doubt)
        sums: dict[str, Any] = {"amounts": [str(each) for each in cost.amounts], "unknown": cost.unknown}
        options.print_json({"in_doubt": in_doubt_json(in_doubt), "may_have_cost": sums})
        return Exit.DONE
    for line in _lines(in_doubt):
        click.echo(line)
    if not in_doubt:
        click.echo("nothing is in doubt")
        return Exit.DONE
    click.echo(f"{len(in_doubt)} in doubt, which may have cost {in_doubt_total(in_doubt)}")
    click.echo(_HINT, err=True)
    return Exit.DONE


def _lines(in_doubt: Sequence[Requested]) -> list[str]:
    width = min(40, max((len(one.asset) for one in in_doubt), default=0))
    told = in_doubt_lines(in_doubt, datetime.now(UTC))
    return [f"? {printable(one.asset):<{width}}  {line}" for one, line in zip(in_doubt, told, strict=True)]


def _forgotten(workspace: Workspace, requests: Sequence[Requested], *, yes: bool) -> int:
    for line in _lines(requests) if len(requests) > 1 and not yes else ():
        click.echo(line, err=True)
    confirm(len(requests), f"forget these {len(requests)} requests?", yes=yes)
    workspace.journal.record_all(Forgotten(one.attempt) for one in requests)
    for one in requests:
        price = printable(one.cost) or "an unknown price"
        click.echo(f"forgotten: {printable(one.asset)} ({printable(one.provider)}, {printable(one.at)}, {price})")
    workspace.close_journal()
    return Exit.DONE
