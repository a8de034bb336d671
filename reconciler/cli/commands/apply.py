"""`reconciler apply`: generate the images that are missing or changed."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from reconciler.cli import options
from reconciler.cli.asset_ids import AssetIds
from reconciler.cli.build_options import build_options, check_build_options, write_stamp
from reconciler.cli.progress import Progress, open_progress
from reconciler.cli.streams import echo
from reconciler.core.errors import ConsentNeeded, Exit, ProjectError
from reconciler.core.text import printable
from reconciler.core.value import replace
from reconciler.project.apply import (
    Applied,
    ApplyCallbacks,
    ApplyOptions,
    ApplyProposal,
    NothingToApply,
    apply,
)
from reconciler.project.workspace import open_workspace
from reconciler.report.apply_report import ApplyFacts
from reconciler.report.apply_summary import exit_code
from reconciler.report.plan_text import plan_total
from reconciler.report.plan_view import Verbosity, plan_lines
from reconciler.report.warnings import caution_lines

TYPE_CHECKING = False
if TYPE_CHECKING:
    from reconciler.engine.deriving import DerivingProgress


@click.command(epilog="Example:  reconciler apply 'icons/*' --max-cost 2.00")
@options.format_option("apply", help_="json prints one line for each event.")
@options.selection_options
@click.option(
    "--plan",
    "plan_file",
    type=click.Path(dir_okay=False),
    metavar="FILE",
    help="Carry out the plan that `reconciler plan -o FILE` saved.",
)
@options.consent_options
@click.option(
    "--replace",
    type=AssetIds(),
    multiple=True,
    metavar="ID",
    help="Generate these assets again; their old images are kept in the store.",
)
@click.option("--draft", is_flag=True, help="Draw drafts for all assets without a real image, whatever their provider.")
@click.option("--max-cost", type=options.Money(), help="Spend at most this sum.")
@click.option("--max-images", type=click.IntRange(min=0), help="Pay for at most this number of images.")
@options.retry_options
@options.shard_option
@click.option("--derive/--no-derive", "derives", default=True, help="Make the derived files, too. Default.")
@click.option("--detach", "detached", is_flag=True, help="Submit jobs and do not wait; a later apply collects them.")
@options.jobs_option
@options.wait_option
@click.option("--without-team", is_flag=True, help="Buy without asking the team's store: two may pay for one image.")
@click.option(
    "--no-wait", is_flag=True, help="Hold what another checkout of the team is about to get, instead of waiting for it."
)
@build_options
@options.verbosity_options(quiet="Print only the summary and the problems.")
@click.option("-y", "--yes", is_flag=True, help="Do not ask for confirmation.")
@click.pass_obj
def command(
    directory: str | None,
    /,
    *,
    plan_file: str | None,
    format_: str,
    yes: bool,
    wait: float,
    derives: bool,
    detached: bool,
    jobs: int | None,
    without_team: bool,
    no_wait: bool,
    stamp: Path | None,
    depfile: Path | None,
    quiet: bool,
    verbose: bool,
    **given: Any,
) -> int:
    """Show the plan and its price, ask for confirmation, and carry it out. Never overwrites an image edited by hand.

    ID is an id, a glob, tag:NAME, a spec file, a folder or an output; without one, all assets are meant. Of a saved
    plan, only its steps are carried out; if one of them no longer matches the project, none is.
    """
    check_build_options(stamp, depfile)
    shown = options.verbosity(quiet=quiet, verbose=verbose)
    workspace = open_workspace(directory, os.environ)
    for name in given["ids"]:
        if name.endswith(".json") and (Path(directory or ".") / name).is_file():
            hint = f"`reconciler apply --plan {printable(name)}` carries out a saved plan"
            raise ProjectError(f"{printable(name)} is a file, not an asset", hint=hint)
    saved = Path(directory or ".") / plan_file if plan_file is not None else None
    display = _Display(format_, shown)
    callbacks = ApplyCallbacks(
        consent=lambda proposal: yes or _ask(proposal),
        progress=display.opened,
        show=display.show,
        say=display.say,
        files=display.files,
    )
    chosen = ApplyOptions(
        options.plan_options(given), saved, wait, derives, jobs or 0, without_team, not no_wait, detached
    )
    ended = apply(workspace, chosen, callbacks, environ=os.environ)
    options.print_report("apply", format_, replace(_facts(ended, workspace.root), verbosity=shown))
    code = _exit_code(ended)
    if code == Exit.DONE:
        write_stamp(workspace, ended.proposal.planned.loaded, stamp, depfile)
    return code


def _exit_code(ended: Applied | NothingToApply) -> int:
    code = Exit.DONE if isinstance(ended, NothingToApply) else exit_code(ended.report, in_doubt=ended.in_doubt)
    if isinstance(ended, Applied) and ended.interrupted:
        return Exit.INTERRUPTED
    return code if code or ended.derived is None else ended.derived.exit_code


def _facts(ended: Applied | NothingToApply, root: Path) -> ApplyFacts:
    proposal, now = ended.proposal, datetime.now(UTC)
    nothing = ApplyFacts(proposal.plan, now, root, cautions=proposal.planned.loaded.cautions)
    if ended.derived is not None:
        from reconciler.report.derive_report import DeriveFacts  # noqa: PLC0415 - few projects derive files

        nothing = replace(nothing, derived=DeriveFacts(ended.derived.state.facts, ended.derived.report))
    if isinstance(ended, NothingToApply):
        return nothing
    nothing = replace(nothing, waiting=ended.waiting)
    return replace(nothing, report=ended.report, in_doubt=ended.in_doubt, candidates=ended.candidates)


class _Display:
    """The output of an apply before its end."""

    def __init__(self, format_: str, verbosity: Verbosity) -> None:
        self._format = format_
        self._verbosity = verbosity
        self._progress: Progress | None = None

    def show(self, proposal: ApplyProposal) -> None:
        """Print the proposal."""
        for line in (*proposal.notes, *(self._proposal_lines(proposal) if self._format == "text" else ())):
            echo(line, err=True, prose=True)

    def opened(self, total: int) -> AbstractContextManager[Progress]:
        """The display of the running apply."""
        self._progress = open_progress(self._format, total, self._verbosity)
        return closing(self._progress)

    def files(self, total: int) -> DerivingProgress:
        """The display of files that are derived."""
        from reconciler.cli.derive_progress import open_files  # noqa: PLC0415 - few projects derive files

        self._progress = None
        return open_files(self._format, total, quiet=self._verbosity is Verbosity.QUIET)

    def say(self, text: str) -> None:
        """A message while the apply runs."""
        if self._progress is not None:
            self._progress.say(text)
        else:
            echo(text, err=True, prose=True)

    def _proposal_lines(self, proposal: ApplyProposal) -> Iterator[str]:
        yield from caution_lines(proposal.planned.loaded.cautions)
        lines = tuple(plan_lines(proposal.plan, datetime.now(UTC), verbosity=self._verbosity)) if proposal.work else ()
        if proposal.derived is not None and proposal.derived.plan.steps and self._verbosity is not Verbosity.QUIET:
            from reconciler.report.derived_text import derived_lines, plan_with_derived  # noqa: PLC0415 - few derive

            facts, every = proposal.derived.facts, self._verbosity is Verbosity.VERBOSE
            lines = plan_with_derived(lines, facts, every=every) if lines else tuple(derived_lines(facts, every=every))
        yield from lines
        if proposal.work and proposal.planned.candidates > 1:
            count = proposal.planned.candidates
            yield f"{count} candidates for each paid image; prices include all of them"


def _ask(proposal: ApplyProposal) -> bool:
    """Ask on a terminal. Without one, a free plan is carried out, and a paid one needs --yes."""
    if sys.stdin.isatty() and sys.stderr.isatty():
        price = f", for {plan_total(proposal.plan)}" if proposal.costs_money else ""
        return click.confirm(f"apply this plan{price}?", err=True)
    if proposal.costs_money:
        fact = f"this would cost {plan_total(proposal.plan)}"
        raise ConsentNeeded(fact, hint="pass --yes to run non-interactively")
    return True
