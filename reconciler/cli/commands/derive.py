"""`reconciler derive`: make the files that are derived from images."""

from __future__ import annotations

import os

import click

from reconciler.cli import options
from reconciler.cli.asset_ids import id_arguments
from reconciler.cli.derive_progress import open_files
from reconciler.cli.streams import echo
from reconciler.core.errors import Exit
from reconciler.project.derivation import DerivedState
from reconciler.project.derive import (
    DeriveCallbacks,
    DeriveOptions,
    derive,
    derive_plan,
)
from reconciler.project.load import LoadedSpecs
from reconciler.project.workspace import open_workspace
from reconciler.report.derive_report import DeriveFacts
from reconciler.report.derived_text import derived_lines
from reconciler.report.plan_view import Verbosity
from reconciler.report.warnings import caution_lines


@click.command(epilog="Example:  reconciler derive hero public/img/logo-640.webp")
@id_arguments(required=False)
@options.format_option("derive")
@click.option("--refresh", is_flag=True, help="Make files anew that are up to date, with the encoders of this machine.")
@click.option("--dry-run", is_flag=True, help="Show what would be made, and make nothing.")
@options.jobs_option
@options.wait_option
@options.verbosity_options(quiet="Print only the summary and the problems.")
@click.pass_obj
def command(
    directory: str | None,
    /,
    ids: tuple[str, ...],
    *,
    format_: str,
    refresh: bool,
    dry_run: bool,
    jobs: int | None,
    wait: float,
    quiet: bool,
    verbose: bool,
) -> int:
    """Make the derived files that are missing or changed, from the images that there are. Costs nothing.

    ID is an id, a glob, tag:NAME, a bundle or a derived file; without one, all derived files are meant.
    """
    shown = options.verbosity(quiet=quiet, verbose=verbose)
    workspace = open_workspace(directory, os.environ)
    chosen = DeriveOptions(ids, refresh, jobs or 0, wait)
    every = shown is Verbosity.VERBOSE
    if dry_run:
        state, _ = derive_plan(workspace, chosen)
        options.print_report("derive", format_, DeriveFacts(state.facts, done=False, every=every))
        return Exit.DONE

    def show(state: DerivedState, loaded: LoadedSpecs) -> None:
        if format_ == "text" and shown is not Verbosity.QUIET:
            for line in (*caution_lines(loaded.cautions), *derived_lines(state.facts, every=every)):
                echo(line, err=True, prose=True)

    callbacks = DeriveCallbacks(
        show,
        lambda total: open_files(format_, total, quiet=quiet),
        lambda text: echo(text, err=True, prose=True),
    )
    ended = derive(workspace, chosen, callbacks)
    options.print_report("derive", format_, DeriveFacts(ended.state.facts, ended.report, every=every))
    return ended.exit_code
