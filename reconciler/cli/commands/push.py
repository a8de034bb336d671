"""`reconciler push`: copy images to the team's store."""

from __future__ import annotations

import os

import click

from reconciler.cli import options
from reconciler.cli.counted_progress import counted_progress
from reconciler.core.errors import Exit
from reconciler.project.team_push import push
from reconciler.project.team_status import open_own_team
from reconciler.project.workspace import open_workspace


@click.command(epilog="Example:  reconciler push")
@click.option("--all", "everything", is_flag=True, help="Push every image of .reconciler/store that is no draft.")
@options.format_option("push")
@click.pass_obj
def command(directory: str | None, /, *, everything: bool, format_: str) -> int:
    """Copy to the team's store what it lacks: locked images, their candidates, and images that were reviewed.

    A signed receipt says which recipe each answers, so nobody else pays for it. The store keeps what the lockfile of
    each pushed branch names. Exit 1 if an image is damaged or missing here.
    """
    workspace = open_workspace(directory, os.environ)
    team = open_own_team(workspace, os.environ)
    facts = push(workspace, team, everything=everything, done=counted_progress("pushed", format_))
    options.print_report("push", format_, facts)
    return Exit.ERROR if facts.damaged or facts.missing else Exit.DONE
