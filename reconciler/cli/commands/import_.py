"""`reconciler import`: specs from the rows of a table, or from the manifest of another tool."""

from __future__ import annotations

import os
from pathlib import Path

import click

from reconciler.cli.streams import echo
from reconciler.core.errors import Exit
from reconciler.core.text import printable
from reconciler.project.import_specs import imported_specs, write_specs
from reconciler.project.workspace import open_workspace


@click.command(epilog="Example:  reconciler import csv icons.csv")
@click.argument("kind", type=click.Choice(["csv", "jsonl", "bananarama", "hokusai"]))
@click.argument("table", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--dry-run", is_flag=True, help="Only list the specs.")
@click.pass_obj
def command(directory: str | None, /, *, kind: str, table: Path, dry_run: bool) -> int:
    """Write a spec for each row of a table, or each image of a manifest. Existing specs are kept.

    The column or key `id` names the spec; the others are its fields (`prompt`, `model`, `size`, `output`, …). Lists
    such as `tags` have spaces between their words in CSV. A manifest is a YAML file of bananarama or hokusai, below the
    project; fields that a spec does not have are listed. `reconciler adopt` then locks images that you have.
    """
    workspace = open_workspace(directory, os.environ)
    found = imported_specs(workspace, kind, table)
    specs = found.specs
    if not dry_run:
        write_specs(workspace, specs)
    for spec in specs:
        state = "kept" if spec.exists else "would write" if dry_run else "wrote"
        echo(f"{state}  {printable(spec.path)}")
    for line in found.left_out:
        echo(f"not imported  {printable(line)}", err=True)
    if not specs:
        echo("there are no rows")
    return Exit.DONE
