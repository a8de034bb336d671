"""`reconciler schema`: print a JSON Schema, for editors."""

from __future__ import annotations

import json

import click

from reconciler.core.errors import Exit
from reconciler.report.schema_doc import schema_lines
from reconciler.store.schemas.files import NAMES, schema_text

_ABOUT = {
    "spec": "an image, or several under assets: (specs/**/*.yaml)",
    "defaults": "defaults for all specs below a folder (_defaults.yaml)",
    "styles": "named styles (_styles.yaml at the top of the specs)",
    "derive": "rules of derived files (_derive.yaml at the top of the specs)",
    "bundles": "bundles of derived files (_bundles.yaml at the top of the specs)",
    "project": "the project (reconciler.yaml)",
    "lockfile": "the lockfile (assets.lock)",
}


@click.command(epilog="Example:  reconciler schema spec --doc")
@click.argument("name", required=False, type=click.Choice(NAMES))
@click.option("--doc", is_flag=True, help="Print the fields with their types and meanings instead.")
def command(name: str | None, doc: bool) -> int:
    """Print the JSON Schema (draft 2020-12) of a kind of file; without a name, list the kinds.

    `reconciler init --schemas` writes all of them for editors.
    """
    if doc:
        for line in schema_lines(json.loads(schema_text(name or "spec"))):
            click.echo(line)
    elif name is None:
        for each in NAMES:
            click.echo(f"{each:<9}  {_ABOUT[each]}")
    else:
        click.echo(schema_text(name), nl=False)
    return Exit.DONE
