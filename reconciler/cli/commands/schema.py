"""`reconciler schema`: print a JSON Schema, for editors."""

from __future__ import annotations

import click

from reconciler.core.errors import Exit
from reconciler.store.schemas.files import NAMES, schema_text

_ABOUT = {
    "spec": "an image, or several under assets: (specs/**/*.yaml)",
    "defaults": "defaults for all specs below a folder (_defaults.yaml)",
    "styles": "named styles (_styles.yaml at the top of the specs)",
    "project": "the project (reconciler.yaml)",
    "lockfile": "the lockfile (assets.lock)",
}


@click.command(
    epilog="Example:  mkdir -p schemas && reconciler schema spec > schemas/spec.schema.json, and as the first line "
    "of a spec:  # yaml-language-server: $schema=../schemas/spec.schema.json"
)
@click.argument("name", required=False, type=click.Choice(NAMES))
def command(name: str | None) -> int:
    """Print the JSON Schema (draft 2020-12) of a kind of file; without a name, list the kinds."""
    if name is None:
        for each in NAMES:
            click.echo(f"{each:<9}  {_ABOUT[each]}")
    else:
        click.echo(schema_text(name), nl=False)
    return Exit.DONE
