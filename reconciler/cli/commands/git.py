"""`reconciler git`: merge and show lockfiles asset by asset in git."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import click

from reconciler.cli import options
from reconciler.cli.streams import echo
from reconciler.core.errors import Exit, LockfileError, ProjectError, ReconcilerError
from reconciler.core.lock.parts import PARTS
from reconciler.core.text import printable
from reconciler.project.git_kit import (
    git_setup_left,
    lock_for_diff,
    merge_lockfiles,
    set_up_git,
    split_lockfile,
    unite_lockfile,
)
from reconciler.project.init import Kept
from reconciler.project.options import most_assets
from reconciler.project.workspace import open_workspace
from reconciler.store.documents.project import find_root


@click.group(epilog="Example:  reconciler git setup")
def command() -> None:
    """Merge and show assets.lock asset by asset in git."""


@command.command("setup", epilog="Example:  reconciler git setup --check")
@click.option("--check", is_flag=True, help="Only report what is missing; exit 2 if anything is.")
@click.pass_obj
def setup(directory: str | None, /, *, check: bool) -> int:
    """Set up this clone: a merge driver, hunk headers and readable diffs for assets.lock.

    Each clone needs this once: git takes no commands from a repository. Without it, git merges the file as text, and
    the next apply merges what git could not.
    """
    root = find_root(Path(directory or "."))
    program = _program()
    left = git_setup_left(root, program)
    names = [f"the setting {name}" for name in left.settings] + [f"in .gitattributes: {line}" for line in left.lines]
    if check:
        for name in names:
            echo(f"missing  {name}")
        if not names:
            echo("this clone is set up")
        return Exit.DRIFT if names else Exit.DONE
    outcome = set_up_git(root, program, left)
    if isinstance(outcome, Kept):
        raise ProjectError(f"{outcome.name}: {outcome.why}")
    for name in names:
        echo(f"wrote    {name}")
    echo(
        "commit .gitattributes; each clone needs `reconciler git setup` once" if left.lines else "this clone is set up"
    )
    return Exit.DONE


@command.command("lock", epilog="Example:  reconciler git lock --per spec")
@click.option(
    "--per",
    type=click.Choice(["project", "spec"]),
    required=True,
    help="spec: a lockfile for each spec, in assets.lock.d/. project: one file, assets.lock.",
)
@options.wait_option
@click.pass_obj
def lock(directory: str | None, /, *, per: str, wait: float) -> int:
    """Choose how the lockfile is divided into files.

    With one for each spec, two pull requests that add or change different specs never conflict, also on a server that
    merges text only. Commit the change by itself: branches that were begun before it conflict with it.
    """
    workspace = open_workspace(directory, os.environ)
    if per == "spec":
        split_lockfile(workspace, wait=wait)
        echo(f"the lockfile has one file for each spec, in {PARTS}/; commit it with assets.lock and .gitattributes")
    else:
        unite_lockfile(workspace, wait=wait)
        echo(f"the lockfile is one file, assets.lock; commit it without {PARTS}/")
    return Exit.DONE


@command.command("merge-driver", hidden=True)
@click.argument("base", type=click.Path(path_type=Path))
@click.argument("ours", type=click.Path(path_type=Path))
@click.argument("theirs", type=click.Path(path_type=Path))
@click.argument("name")
def merge_driver(base: Path, ours: Path, theirs: Path, name: str) -> int:
    """Merge three versions of a lockfile for git, into OURS. Exit 1, and change nothing, where it cannot be decided."""
    try:
        merge_lockfiles(base, ours, theirs, name=name, most=most_assets(os.environ))
    except LockfileError as error:
        echo(f"{printable(error.fact)}; merging the text instead", err=True)
        return Exit.ERROR
    return Exit.DONE


@command.command("textconv", hidden=True)
@click.argument("file", type=click.Path(path_type=Path))
def textconv(file: Path) -> int:
    """Print a lockfile for a diff: a paragraph for each asset."""
    try:
        text = lock_for_diff(file, most=most_assets(os.environ))
    except ReconcilerError:
        return Exit.ERROR
    click.echo(printable_lines(text), nl=False)
    return Exit.DONE


def printable_lines(text: str) -> str:
    """Text of several lines without anything that a terminal or a CI log would execute."""
    return "".join(f"{printable(line)}\n" for line in text.splitlines())


def _program() -> str:
    """The name by which git calls this program: its path where the name stands for another one, or for none."""
    found, own = shutil.which("reconciler"), os.path.abspath(sys.argv[0])
    if os.path.basename(own) != "reconciler" or (
        found is not None and os.path.realpath(found) == os.path.realpath(own)
    ):
        return "reconciler"
    return own
