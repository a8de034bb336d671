"""`reconciler init`: set up a project without overwriting files."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import click

from reconciler.core.errors import Exit, ProjectError
from reconciler.core.text import printable
from reconciler.project.init import (
    AddedLines,
    InitOptions,
    InitOutcome,
    Kept,
    Wrote,
    in_git,
    init_project,
    project_above,
)
from reconciler.project.init_files import CI_FILES, STARTER_MODELS, VSCODE


@click.command(epilog="Example:  reconciler init --example --schemas")
@click.option(
    "--provider", type=click.Choice(["draft", *STARTER_MODELS]), default="draft", show_default=True, help="Use it."
)
@click.option("--example", is_flag=True, help="Write a few specs to play with: an image, a card, six icons.")
@click.option("--schemas", is_flag=True, help="Write the JSON Schemas of this version, for editors; replaces old ones.")
@click.option("--lfs", is_flag=True, help="Keep the images in Git LFS.")
@click.option("--pre-commit", is_flag=True, help="Write a pre-commit hook that runs `reconciler check`.")
@click.option("--ci", type=click.Choice(list(CI_FILES)), help="Write a CI job that runs `reconciler check`.")
@click.pass_obj
def command(directory: str | None, /, **given: Any) -> int:
    """Write reconciler.yaml, an example spec and the lines for git into this folder. Existing files are kept."""
    root = Path(os.path.abspath(directory or "."))
    if not root.is_dir():
        raise ProjectError(f"there is no folder {printable(str(root))}", hint="create it first")
    above = project_above(root)
    if above is not None:
        click.echo(f"note: {printable(str(above))} is a project too; this one is independent of it", err=True)
    for outcome in init_project(root, InitOptions(**{name: each for name, each in given.items() if each is not None})):
        click.echo(_line(outcome))
    if given["schemas"]:
        click.echo("For specs without a $schema line, VS Code takes this in .vscode/settings.json:")
        click.echo(VSCODE)
    if in_git(root):
        click.echo("`reconciler git setup` lets git merge assets.lock asset by asset; each clone needs it once.")
    else:
        click.echo(
            "This folder is not in a git repository. After `git init`, commit images and assets.lock with the specs."
        )
    if not any(given[name] for name in ("example", "schemas", "lfs", "pre_commit", "ci")):
        click.echo("More: `reconciler init --help` lists what it can add: schemas, Git LFS, pre-commit, CI, examples.")
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
