"""`reconciler init`: set up a project without overwriting files."""

from __future__ import annotations

import os
from pathlib import Path

import click

from reconciler.core.errors import Exit, ProjectError
from reconciler.core.text import printable
from reconciler.project.init import AddedLines, InitOutcome, Kept, Wrote, in_git, init_project, project_above


@click.command(epilog="Example:  reconciler init && reconciler apply && reconciler check")
@click.pass_obj
def command(directory: str | None) -> int:
    """Write reconciler.yaml, an example spec and the lines for git into this folder. Existing files are kept."""
    root = Path(os.path.abspath(directory or "."))
    if not root.is_dir():
        raise ProjectError(f"there is no folder {printable(str(root))}", hint="create it first")
    above = project_above(root)
    if above is not None:
        click.echo(f"note: {printable(str(above))} is a project too; this one is independent of it", err=True)
    for outcome in init_project(root):
        click.echo(_line(outcome))
    if not in_git(root):
        click.echo(
            "This folder is not in a git repository. After `git init`, commit images and assets.lock with the specs."
        )
    click.echo("Next: `reconciler apply` generates the images; `reconciler plan` only shows what it would do.")
    return Exit.DONE


def _line(outcome: InitOutcome) -> str:
    match outcome:
        case Wrote(name=name):
            return f"wrote   {printable(name)}"
        case AddedLines(name=name):
            return f"added lines to {printable(name)}"
        case Kept(name=name, why=why):
            return f"kept    {printable(name)}: {why}"
