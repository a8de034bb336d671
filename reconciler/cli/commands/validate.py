"""`reconciler validate`: report every problem of every spec at once."""

from __future__ import annotations

import os

import click

from reconciler.cli import options
from reconciler.cli.reports import report_option, write_reports
from reconciler.core.errors import Exit, InvalidInput
from reconciler.project.load import load_specs, reference_contents
from reconciler.project.workspace import open_workspace
from reconciler.report.validation import ValidationFacts


@click.command(epilog="Example:  reconciler validate --format json")
@options.format_option("validate")
@report_option("validate")
@click.pass_context
def command(ctx: click.Context, /, format_: str) -> int:
    """Read every spec and report all problems, as file:line:column: field: fact."""
    workspace = open_workspace(ctx.obj, os.environ)
    try:
        loaded = load_specs(workspace)
        reference_contents(workspace, loaded)
    except InvalidInput as error:
        return _reported(ctx, format_, ValidationFacts(error.problems))
    return _reported(ctx, format_, ValidationFacts((), len(loaded.specs), loaded.cautions))


def _reported(ctx: click.Context, format_: str, facts: ValidationFacts) -> int:
    write_reports(ctx, "validate", facts)
    options.print_report("validate", format_, facts)
    return Exit.ERROR if facts.problems else Exit.DONE
