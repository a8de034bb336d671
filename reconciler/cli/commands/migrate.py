"""`reconciler migrate`: name the successors of retired models in the specs."""

from __future__ import annotations

import os
import sys
from datetime import UTC, datetime

import click

from reconciler.cli.streams import echo
from reconciler.core.errors import Exit
from reconciler.core.money.cost import total
from reconciler.core.text import printable
from reconciler.project.migrate import Remake, migration, remakes, write_migration
from reconciler.project.workspace import open_workspace
from reconciler.report.plan_text import price_text


@click.command(epilog="Example:  reconciler migrate --model preview-1=final-1")
@click.option("--model", "models", multiple=True, metavar="OLD=NEW", help="Rename this model. May be repeated.")
@click.option("--check", is_flag=True, help="Only show the edits; exit 2 if there are any.")
@click.option("--remake", is_flag=True, help="Only list what images by the new models would cost.")
@click.option("-y", "--yes", is_flag=True, help="Do not ask for confirmation.")
@click.pass_obj
def command(directory: str | None, /, *, models: tuple[str, ...], check: bool, remake: bool, yes: bool) -> int:
    """Name the successors of retired models in the specs. No image becomes stale, and nothing is bought.

    A model succeeds another one if it is the same model under another name: by the built-in table, or by
    `models: {NEW: {succeeds: [OLD]}}` in reconciler.yaml. Only the values of `model:` are edited.
    """
    asked = dict(_pair(each) for each in models)
    workspace = open_workspace(directory, os.environ)
    if remake:
        return _list_remakes(remakes(workspace, asked, today=datetime.now(UTC).date()))
    found = migration(workspace, asked, today=datetime.now(UTC).date())
    for edit in found.edits:
        for line in edit.diff:
            echo(printable(line))
    for line in found.by_hand:
        echo(f"edit by hand: {printable(line)}", err=True)
    if not found.edits:
        echo("no spec names a model that has a successor" if not found.by_hand else "nothing was edited")
        return Exit.ERROR if found.by_hand else Exit.DONE
    if check:
        return Exit.DRIFT
    if not yes:
        if sys.stdin is None or not sys.stdin.isatty():
            raise click.UsageError("pass --yes to run non-interactively")
        click.confirm("write these edits?", abort=True, err=True)
    write_migration(workspace, found)
    echo(f"wrote {len(found.edits)} file{'' if len(found.edits) == 1 else 's'}; no image is stale because of them")
    return Exit.ERROR if found.by_hand else Exit.DONE


def _list_remakes(found: tuple[Remake, ...]) -> int:
    for each in found:
        echo(printable(f"{each.asset}  {each.old} -> {each.new}  [{price_text(each.price)}]"))
    count = f"{len(found)} image{'' if len(found) == 1 else 's'} of earlier models"
    cost = total(each.price for each in found)
    echo(f"{count}: new ones would cost {cost}; nothing is bought" if found else "no image is of an earlier model")
    return Exit.DONE


def _pair(given: str) -> tuple[str, str]:
    old, equals, new = given.partition("=")
    if not (old and equals and new):
        raise click.UsageError(f'write --model OLD=NEW, not "{printable(given)}"')
    return old, new
