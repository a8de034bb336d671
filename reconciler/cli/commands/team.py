"""`reconciler team`: look at the team's store, trust it, and delete its garbage."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path

import click

from reconciler.cli import options
from reconciler.core.errors import Exit
from reconciler.core.text import printable
from reconciler.project.team_garbage import delete_team_garbage, find_team_garbage
from reconciler.project.team_status import open_own_team, team_status
from reconciler.project.team_trust import trust_store
from reconciler.project.workspace import open_workspace
from reconciler.report.team import team_garbage_lines


@click.group(invoke_without_command=True, epilog="Example:  reconciler team")
@options.format_option("team")
@click.pass_context
def command(ctx: click.Context, /, format_: str) -> int:
    """Show the team's store: its address, who you are in it, what your credentials allow, and open claims."""
    if ctx.invoked_subcommand is not None:
        return Exit.DONE
    workspace = open_workspace(ctx.obj, os.environ)
    options.print_report("team", format_, team_status(workspace, open_own_team(workspace, os.environ)))
    return Exit.DONE


@command.command(
    "trust", short_help="Allow a store to be used.", epilog="Example:  reconciler team trust s3://acme-art/reconciler"
)
@click.argument("url")
def trust_command(url: str) -> int:
    """Allow a store to be used by your checkouts: reconciler.yaml may name any, and a push sends pictures there."""
    store, path = trust_store(url, os.environ)
    click.echo(f"{printable(str(store))} is trusted; the list is {printable(str(path))}")
    if store.is_file and not Path("/", store.path).is_dir():
        click.echo("note: this folder does not exist now; make it, mount it, or correct the address", err=True)
    return Exit.DONE


@command.command(
    "gc", short_help="Delete images that no branch needs.", epilog="Example:  reconciler team gc --grace 60"
)
@click.option(
    "--grace", type=click.IntRange(1, 3650), default=30, show_default=True, help="Keep what is younger, in days."
)
@click.option("--forget-paid", is_flag=True, help="Also delete paid images that no branch needs, with their receipts.")
@click.option("-y", "--yes", is_flag=True, help="List garbage for everybody, and delete what was listed a day ago.")
@click.pass_obj
def gc_command(directory: str | None, /, *, grace: int, forget_paid: bool, yes: bool) -> int:
    """List the images of the team's store that no pushed branch of any project needs, and that nobody has paid for.

    With --yes it takes two runs, a day apart: the first lists what will go, where everybody sees it, the second deletes
    what still nobody needs. A push in between keeps an image.
    """
    workspace = open_workspace(directory, os.environ)
    team = open_own_team(workspace, os.environ)
    now = workspace.utc()
    garbage = find_team_garbage(team, now=now, grace=timedelta(days=grace), forget_paid=forget_paid)
    for line in team_garbage_lines(garbage):
        click.echo(line)
    if yes:
        click.echo(f"deleted {delete_team_garbage(team, garbage, now=now):,}")
    elif garbage.listed or garbage.new:
        given = f" --grace {grace}" if grace != 30 else ""
        given += " --forget-paid" if forget_paid else ""
        click.echo(f"  hint: `reconciler team gc{given} --yes` goes on with it", err=True)
    return Exit.DONE
