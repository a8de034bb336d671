"""`reconciler batches`: list the open batches, or cancel one."""

from __future__ import annotations

import os
from datetime import UTC, datetime

import click

from reconciler.cli import options
from reconciler.core.errors import Exit
from reconciler.project.batches.ready import cancel_batch, open_batches
from reconciler.project.workspace import open_workspace
from reconciler.report.batches import BatchFacts, batches_exit


@click.group(invoke_without_command=True, epilog="Example:  reconciler batches cancel 1f0c22aa")
@options.format_option("batches")
@click.pass_context
def command(ctx: click.Context, /, *, format_: str) -> int:
    """List the batches that are submitted and not collected, with their age and price. Asks no provider."""
    if ctx.invoked_subcommand is None:
        workspace = open_workspace(ctx.obj, os.environ)
        options.print_report("batches", format_, BatchFacts(open_batches(workspace), datetime.now(UTC)))
    return Exit.DONE


@command.command("cancel")
@click.argument("batch", metavar="ID")
@options.wait_option
@options.format_option("batches cancel")
@click.pass_obj
def cancel(directory: str | None, /, *, batch: str, wait: float, format_: str) -> int:
    """Ask the provider to cancel a batch. What it has made is charged: `reconciler collect` fetches it."""
    workspace = open_workspace(directory, os.environ)
    line = cancel_batch(workspace, batch, lock_wait=wait, environ=os.environ)
    options.print_report("batches cancel", format_, BatchFacts((line,), datetime.now(UTC)))
    code = batches_exit((line,))
    return code if code is Exit.ERROR else Exit.DONE
