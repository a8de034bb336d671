"""`reconciler check`: exit 2 if anything is left to do. For builds and for CI."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from typing import Any

import click

from reconciler.cli import options
from reconciler.cli.reports import report_option, write_reports
from reconciler.cli.streams import echo
from reconciler.core.errors import Exit
from reconciler.core.lock.lockfile import verify_recipe_keys
from reconciler.core.ports import SourceFailure
from reconciler.core.value import replace
from reconciler.project.load import load_specs
from reconciler.project.options import in_ci
from reconciler.project.planning import PlannedProject, derived_files, plan_project, pointers, remember
from reconciler.project.workspace import Workspace, open_workspace
from reconciler.report.plan_report import PlanFacts, cached_answers
from reconciler.report.plan_text import pointer_lines


@click.command(epilog="Example:  reconciler check icons || exit 1")
@options.format_option("check")
@report_option("check")
@options.selection_options
@click.option("--strict", is_flag=True, help="Hash every file and every recipe again. Implied in CI.")
@click.option(
    "--committed/--no-committed",
    default=None,
    help="Report locked images that are in no commit and not ignored by git. Implied in CI, in a git repository.",
)
@click.option("--built", is_flag=True, help="Check the derived files that git ignores, too.")
@options.verbosity_options(quiet="Print nothing; only set the exit code.")
@click.pass_context
def command(
    ctx: click.Context,
    /,
    format_: str,
    *,
    strict: bool,
    committed: bool | None,
    built: bool,
    quiet: bool,
    verbose: bool,
    **given: Any,
) -> int:
    """Exit 0 if everything is up to date, 2 if not. Writes nothing, needs no key, opens no socket."""
    shown = options.verbosity(quiet=quiet, verbose=verbose)
    workspace = open_workspace(ctx.obj, os.environ, strict=strict)
    chosen = options.plan_options(given)
    planned = plan_project(workspace, load_specs(workspace), chosen.selection)
    if workspace.strict:
        verify_recipe_keys(planned.lock)
    derived = derived_files(workspace, planned, chosen.selection, built=built)
    running = workspace.holder() if planned.behind else None
    not_read = tuple(one for one in planned.loaded.cautions if one.passed_over)
    facts = PlanFacts(planned.plan, datetime.now(UTC), planned.behind, running, not_read, shown)
    if derived is not None:
        facts = replace(facts, derived=derived.facts)
    remember(workspace, planned, cached_answers(facts) if chosen.is_default and not built else {}, derived)
    facts = replace(facts, uncommitted=_uncommitted(workspace, planned, committed))
    write_reports(ctx, "check", facts)
    if workspace.strict and not quiet:
        for line in pointer_lines(pointers(workspace, planned)):
            echo(line, err=True, prose=True)
    if not quiet or format_ != "text":
        options.print_report("check", format_, facts)
    return Exit.DRIFT if facts.drift else Exit.DONE


def _uncommitted(workspace: Workspace, planned: PlannedProject, wanted: bool | None) -> tuple[str, ...] | None:
    """The images that are in no commit; None if that was not asked. In CI a git that cannot tell is only a warning."""
    if wanted is False or (wanted is None and not in_ci(os.environ)):
        return None
    from reconciler.project.committed import (  # noqa: PLC0415 - only where git is asked
        Uncommitted,
        required,
        uncommitted_outputs,
    )

    found = uncommitted_outputs(workspace, planned)
    if wanted or isinstance(found, Uncommitted):
        return required(found)
    if isinstance(found, SourceFailure):
        echo(f"warning: no check for images that are not committed: {found.fact}", err=True, prose=True)
        if found.hint:
            echo(f"  hint: {found.hint}", err=True, prose=True)
    return None
