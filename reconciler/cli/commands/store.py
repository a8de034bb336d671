"""`reconciler store`: list and verify the images in the store, and delete unused ones."""

from __future__ import annotations

import os

import click

from reconciler.cli import options
from reconciler.cli.counted_progress import counted_progress
from reconciler.core.errors import Exit, LockfileError
from reconciler.core.lock.lockfile import verify_recipe_keys as verify_keys
from reconciler.core.retention import Retention
from reconciler.project.store_maintenance import damages, delete_garbage, find_garbage, recipe_users, stored_objects
from reconciler.project.workspace import Workspace, open_workspace
from reconciler.report.store import StoreFacts, VerifyFacts, garbage_lines, size_text
from reconciler.store.documents.project import read_lock


@click.group(epilog="Example:  reconciler store verify")
def command() -> None:
    """Maintain .reconciler/store, which holds every image generated or replaced in this checkout, by content hash."""


@command.command("ls", short_help="List the images in the store.", epilog="Example:  reconciler store ls --format json")
@options.format_option("store ls")
@click.pass_obj
def ls_command(directory: str | None, /, format_: str) -> int:
    """List the images in the store: size, price, date, model, and the assets that use each."""
    workspace = open_workspace(directory, os.environ)
    options.print_report("store ls", format_, StoreFacts(stored_objects(workspace), recipe_users(workspace)))
    return Exit.DONE


@command.command(
    "verify", short_help="Hash every image in the store.", epilog="Example:  reconciler store verify && echo whole"
)
@click.option("--remote", is_flag=True, help="Read the images in the team's store instead.")
@click.option("--sample", type=click.IntRange(min=1), metavar="N", help="With --remote: read N of them, by chance.")
@options.format_option("store verify")
@click.pass_obj
def verify_command(directory: str | None, /, format_: str, *, remote: bool, sample: int | None) -> int:
    """Hash every image in the store. Exit 1 if one is damaged; its other copies are listed."""
    workspace = open_workspace(directory, os.environ)
    if remote:
        return _verify_remote(workspace, format_, sample or 0)
    if sample:
        raise click.UsageError("--sample goes with --remote")
    held = stored_objects(workspace)
    facts = VerifyFacts(workspace.root, len(held), damages(workspace, held), _wrong_keys(workspace))
    options.print_report("store verify", format_, facts)
    return Exit.ERROR if facts.damaged or facts.wrong_keys else Exit.DONE


@command.command("gc", short_help="Delete unused images.", epilog="Example:  reconciler store gc --yes")
@click.option("--forget-paid", is_flag=True, help="Also delete paid and hand-made images that are in no commit.")
@click.option("-y", "--yes", is_flag=True, help="Delete. Without it, only list what would be deleted.")
@options.wait_option
@click.pass_obj
def gc_command(directory: str | None, /, forget_paid: bool, yes: bool, wait: float) -> int:
    """List the images to delete: unused drafts, and images that are also in git. With --yes, delete them.

    Locked images are kept, and so is the only copy of a paid or hand-made image.
    """
    workspace = open_workspace(directory, os.environ)
    give_up = frozenset({Retention.PAID, Retention.UNKNOWN}) if forget_paid else frozenset()
    if not yes:
        garbage = find_garbage(workspace, give_up)
        for line in garbage_lines(garbage, root=workspace.root):
            click.echo(line)
        if garbage.going or garbage.leftovers:
            given = " --forget-paid" if forget_paid else ""
            click.echo(f"  hint: `reconciler store gc{given} --yes` deletes them", err=True)
        return Exit.DONE
    with workspace.exclusive(wait):
        garbage = find_garbage(workspace, give_up)
        for line in garbage_lines(garbage, root=workspace.root):
            click.echo(line)
        click.echo(f"freed {size_text(delete_garbage(workspace, garbage))}")
    return Exit.DONE


def _verify_remote(workspace: Workspace, format_: str, sample: int) -> int:
    from reconciler.project.team_garbage import verify_team  # noqa: PLC0415 - only a team has another store
    from reconciler.project.team_status import open_own_team  # noqa: PLC0415 - the same

    team = open_own_team(workspace, os.environ)
    found = verify_team(workspace, team, sample=sample, done=counted_progress("verified", format_))
    options.print_report("store verify remote", format_, found)
    return Exit.ERROR if found.damaged else Exit.DONE


def _wrong_keys(workspace: Workspace) -> str:
    try:
        verify_keys(read_lock(workspace.root))
    except LockfileError as error:
        return str(error)
    return ""
