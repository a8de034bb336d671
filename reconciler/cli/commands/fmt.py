"""`reconciler fmt`: put the fields of specs in order, in one layout."""

from __future__ import annotations

import os

import click

from reconciler.cli.streams import echo
from reconciler.core.errors import Exit
from reconciler.core.text import printable
from reconciler.project.fmt import format_specs, write_formatted
from reconciler.project.workspace import open_workspace


@click.command(epilog="Example:  reconciler fmt --check")
@click.option("--check", is_flag=True, help="Change nothing; exit 2 if a file would change.")
@click.pass_obj
def command(directory: str | None, /, *, check: bool) -> int:
    """Put the fields of specs in the order of the schema, with single blank lines and an indentation of 2.

    Lines are moved and never written anew. Quotes go where YAML 1.2 does not need them. Each file is read before and
    after: no value and no comment changes. Where a new layout would change one, the fields are put in order only. A
    file with anchors, or one that cannot be divided into lines, is left alone.
    """
    workspace = open_workspace(directory, os.environ)
    changed = 0
    for found in format_specs(workspace):
        if found.after is None:
            echo(f"left alone  {printable(found.path)}", err=True)
            continue
        changed += 1
        if not check:
            write_formatted(workspace, found)
        echo(f"{'would change' if check else 'formatted'}  {printable(found.path)}")
    if not changed:
        echo("all specs are formatted")
    return Exit.DRIFT if check and changed else Exit.DONE
