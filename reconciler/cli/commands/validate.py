"""`reconciler validate`: report every problem of every spec at once."""

from __future__ import annotations

import os

import click

from reconciler.cli import options
from reconciler.core.errors import Exit, InvalidInput
from reconciler.project.load import load_specs, reference_contents
from reconciler.project.workspace import open_workspace
from reconciler.report.validation import ValidationFacts


@click.command(epilog="Example:  reconciler validate --format json")
@options.format_option("validate")
@click.pass_obj
def command(directory: str | None, /, format_: str) -> int:
    """Read every spec and report all problems, as file:line:column: field: fact."""
    workspace = open_workspace(directory, os.environ)
    try:
        loaded = load_specs(workspace)
        reference_contents(workspace, loaded)
    except InvalidInput as error:
        options.print_report("validate", format_, ValidationFacts(error.problems))
        return Exit.ERROR
    facts = ValidationFacts((), len(loaded.specs), loaded.cautions)
    options.print_report("validate", format_, facts)
    return Exit.DONE
