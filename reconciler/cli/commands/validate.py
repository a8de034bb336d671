"""`reconciler validate`: every problem of every spec at once."""

from __future__ import annotations

import os

import click

from reconciler.cli import options
from reconciler.core.errors import Exit, InvalidInput
from reconciler.project.load import load_specs, reference_contents
from reconciler.project.workspace import open_workspace
from reconciler.report.plan_text import counted
from reconciler.report.problems import problems_json
from reconciler.report.warnings import caution_lines, cautions_json


@click.command(epilog="Example:  reconciler validate --format json")
@options.reading_options
@click.pass_obj
def command(directory: str | None, /, format_: str) -> int:
    """Read every spec and say all that is wrong with any of them, as file:line:column: field: fact."""
    workspace = open_workspace(directory, os.environ)
    try:
        loaded = load_specs(workspace)
        reference_contents(workspace, loaded)
    except InvalidInput as error:
        if format_ == "text":
            raise
        options.print_json({"valid": False, "problems": problems_json(error.problems)})
        return Exit.ERROR
    if format_ == "json":
        warnings = cautions_json(loaded.cautions)
        options.print_json({"valid": True, "assets": len(loaded.specs), "problems": [], "warnings": warnings})
    else:
        for line in caution_lines(loaded.cautions):
            click.echo(line, err=True)
        click.echo(f"all specs are valid: {counted(len(loaded.specs), 'asset')}")
    return Exit.DONE
