"""`reconciler check`: exit 2 if anything is left to do. For builds and for CI."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from reconciler.cli import options
from reconciler.cli.build_options import build_options, check_build_options, write_stamp
from reconciler.cli.reports import report_option, write_reports
from reconciler.cli.streams import echo
from reconciler.core.errors import Exit
from reconciler.core.lock.lockfile import verify_recipe_keys
from reconciler.core.ports import SourceFailure
from reconciler.core.text import printable
from reconciler.core.value import replace
from reconciler.project.load import load_specs
from reconciler.project.options import in_ci
from reconciler.project.planning import PlannedProject, derived_files, plan_project, pointers, remember
from reconciler.project.workspace import Workspace, open_workspace
from reconciler.report.plan_report import PlanFacts, cached_answers
from reconciler.report.plan_text import pointer_lines

TYPE_CHECKING = False
if TYPE_CHECKING:  # only where they are asked for
    from reconciler.project.committed import Uncommitted
    from reconciler.project.derivation import DerivedState
    from reconciler.report.approvals import Approvals


@click.command(epilog="Example:  reconciler check icons || exit 1")
@options.format_option("check")
@report_option("check")
@options.selection_options
@click.option("--strict", is_flag=True, help="Hash every file and every recipe again. Implied in CI.")
@click.option(
    "--committed/--no-committed",
    default=None,
    help="Report locked images and derived files that are in no commit and not ignored by git. Implied in CI, in a git "
    "repository.",
)
@click.option(
    "--require-approved", is_flag=True, help="Also exit 2 if an image is not approved that review: wants approved."
)
@click.option(
    "--require-marks", is_flag=True, help="Also exit 2 if a shipped file that a model made has no mark that says so."
)
@click.option(
    "--against",
    metavar="REV",
    help="Take the rules of reviews and the allowed signers from this revision, as a pull request may change them.",
)
@click.option(
    "--reproduce",
    type=click.IntRange(min=1),
    metavar="N",
    help="Make N derived files at random anew, in a temporary folder, and compare their pixels.",
)
@click.option("--built", is_flag=True, help="Check the derived files that git ignores, too.")
@build_options
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
    reproduce: int | None,
    require_approved: bool,
    require_marks: bool,
    against: str | None,
    stamp: Path | None,
    depfile: Path | None,
    quiet: bool,
    verbose: bool,
    **given: Any,
) -> int:
    """Exit 0 if everything is up to date, 2 if not. Writes nothing, needs no key, opens no socket."""
    check_build_options(stamp, depfile)
    shown = options.verbosity(quiet=quiet, verbose=verbose)
    if against is not None and not require_approved:
        raise click.UsageError("--against is for --require-approved")
    workspace = open_workspace(ctx.obj, os.environ, strict=strict)
    chosen = options.plan_options(given)
    planned = plan_project(workspace, load_specs(workspace), chosen.selection)
    if workspace.strict:
        verify_recipe_keys(planned.lock)
    derived = derived_files(workspace, planned, chosen.selection, built=built)
    running = workspace.holder() if planned.behind else None
    approvals = _approvals(workspace, planned, derived, against) if require_approved else None
    told = approvals.cautions if approvals is not None else ()
    not_read = (*(one for one in planned.loaded.cautions if one.passed_over), *told)
    facts = PlanFacts(planned.plan, datetime.now(UTC), planned.behind, running, not_read, shown)
    if derived is not None:
        facts = replace(facts, derived=derived.facts)
    facts = replace(facts, approvals=approvals)
    kept = facts if against is None else replace(facts, approvals=None)
    remember(workspace, planned, cached_answers(kept) if chosen.is_default and not built else {}, derived)
    lacking = _uncommitted(workspace, planned, derived, committed)
    if lacking is not None:
        facts = replace(facts, uncommitted=lacking.outputs, uncommitted_derived=lacking.derived)
    if require_marks:
        from reconciler.project.required_marks import check_marks  # noqa: PLC0415 - only where marks are required

        facts = replace(facts, marks=check_marks(workspace, planned))
    write_reports(ctx, "check", facts)
    if workspace.strict and not quiet:
        for line in pointer_lines(pointers(workspace, planned)):
            echo(line, err=True, prose=True)
    if not quiet or format_ != "text":
        options.print_report("check", format_, facts)
    differs = reproduce is not None and derived is not None and _differ(workspace, derived, reproduce)
    if not facts.drift and not differs:
        write_stamp(workspace, planned.loaded, stamp, depfile)
    return Exit.DRIFT if facts.drift or differs else Exit.DONE


def _differ(workspace: Workspace, derived: DerivedState, count: int) -> bool:
    """Whether some of so many derived files are not what is made anew; says so on stderr."""
    import random  # noqa: PLC0415 - only where files are made anew

    from reconciler.project.reproduce import reproduce  # noqa: PLC0415 - only where files are made anew

    found = reproduce(workspace, derived, count, random.Random())  # noqa: S311 - a sample, and no secret
    for path, why in found.wrong:
        echo(f"not reproduced: {printable(path)}: {printable(why)}", err=True, prose=True)
    same = found.files - len(found.wrong)
    echo(f"made anew: {found.files} derived files, {same} of them the same picture", err=True, prose=True)
    return bool(found.wrong)


def _approvals(
    workspace: Workspace, planned: PlannedProject, derived: DerivedState | None, against: str | None
) -> Approvals:
    from reconciler.project.approvals import check_approvals  # noqa: PLC0415 - only where approvals are required
    from reconciler.project.reviews import Reviews  # noqa: PLC0415 - the same

    reviews = planned.reviews or Reviews(planned.loaded.project.settings.review)
    if against is not None:
        from reconciler.project.base_review import reviews_against  # noqa: PLC0415 - only in a pull request

        reviews = reviews_against(workspace.root, against, planned.reviews)
    return check_approvals(planned, reviews, derived.plan.steps if derived is not None else ())


def _uncommitted(
    workspace: Workspace, planned: PlannedProject, derived: DerivedState | None, wanted: bool | None
) -> Uncommitted | None:
    """The images and derived files that are in no commit; None if that was not asked. In CI a git that cannot tell is
    only a warning."""
    if wanted is False or (wanted is None and not in_ci(os.environ)):
        return None
    from reconciler.project.committed import (  # noqa: PLC0415 - only where git is asked
        Uncommitted,
        required,
        uncommitted_files,
    )

    found = uncommitted_files(workspace, planned, derived)
    if wanted or isinstance(found, Uncommitted):
        return required(found)
    if isinstance(found, SourceFailure):
        echo(f"warning: no check for images that are not committed: {found.fact}", err=True, prose=True)
        if found.hint:
            echo(f"  hint: {found.hint}", err=True, prose=True)
    return None
