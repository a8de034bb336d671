"""`reconciler team`: look at the team's store, trust it, and delete its garbage."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path

import click

from reconciler.cli import options
from reconciler.core.errors import Exit
from reconciler.core.team.roots import needed_by_these_alone
from reconciler.core.text import printable
from reconciler.project.team import Team
from reconciler.project.team_garbage import delete_team_garbage, find_team_garbage
from reconciler.project.team_roots import ReadRoots, chosen_roots, drop_roots, team_roots
from reconciler.project.team_status import open_own_team, team_status
from reconciler.project.team_trust import trust_store
from reconciler.project.workspace import open_workspace
from reconciler.report.formats import counted
from reconciler.report.team import team_garbage_lines, team_root_hint, team_root_lines


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
@click.option(
    "--drop-root", "drop", metavar="NAME", multiple=True, help="Drop what a branch needs that is gone. No image goes."
)
@click.option("-y", "--yes", is_flag=True, help="List garbage for everybody, and delete what was listed a day ago.")
@click.pass_obj
def gc_command(directory: str | None, /, *, grace: int, forget_paid: bool, drop: tuple[str, ...], yes: bool) -> int:
    """List the images of the team's store that no pushed branch of any project needs, and that nobody has paid for.

    With --yes it takes two runs, a day apart: the first lists what will go, where everybody sees it, the second deletes
    what still nobody needs. A push in between keeps an image. A branch that is deleted keeps its images until its root
    is dropped (`--drop-root`, as often as you like): with --yes, that is all that such a run does.
    """
    workspace = open_workspace(directory, os.environ)
    team = open_own_team(workspace, os.environ)
    now = workspace.utc()
    roots = team_roots(workspace, team)
    if drop:
        return _drop_roots(team, roots, drop, yes=yes)
    for line in team_root_lines(roots.shown, now):
        click.echo(line)
    if hint := team_root_hint(roots.shown):
        click.echo(hint, err=True)
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


def _drop_roots(team: Team, roots: ReadRoots, names: tuple[str, ...], *, yes: bool) -> int:
    """Drop these roots, or say what that would mean."""
    chosen = chosen_roots(roots, names)
    alone = len(needed_by_these_alone(roots.by_name, chosen))
    click.echo(f"{counted(alone, 'image')} that no other branch needs")
    if not yes:
        click.echo(
            "  hint: pass --yes to drop the root; the images stay until `reconciler team gc` deletes them", err=True
        )
        return Exit.DONE
    dropped = drop_roots(team, roots, chosen)
    for name in dropped:
        click.echo(f"dropped the root {printable(name)}")
    for name in names:
        if name not in dropped:
            click.echo(f"kept the root {printable(name)}: it was pushed meanwhile", err=True)
    return Exit.DONE
