"""Options that several commands share, each written once."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from typing import Any, TypeVar

import click

from reconciler.cli.asset_ids import AssetIds, id_arguments
from reconciler.cli.streams import LAST_LINES, echo, echo_lines
from reconciler.core.errors import ReconcilerError
from reconciler.core.json_text import json_text
from reconciler.core.plan.actions import Consent
from reconciler.core.plan.policy import Policy
from reconciler.project.options import PlanOptions, Selection, SpendingLimits
from reconciler.report.formats import FINDING_FORMATS, FINDINGS, formats_of, render
from reconciler.report.plan_view import Verbosity

TYPE_CHECKING = False
if TYPE_CHECKING:  # few runs are divided
    from reconciler.core.plan.shard import Shard

F = TypeVar("F", bound=Callable[..., Any])
_FORMAT = "reconciler.format"
FORMAT_VARIABLE = "RECONCILER_FORMAT"
"""The environment variable with the default of `--format`, for commands whose reports list findings."""


def format_option(report: str, *, help_: str = "Output format.") -> Callable[[F], F]:
    """`--format`, with the formats of this report in reconciler/report/formats.py."""
    names = list(formats_of(report))

    def chosen(ctx: click.Context, _: click.Parameter, name: str) -> str:
        ctx.meta[_FORMAT] = "events" if (report, name) == ("apply", "json") else name
        return name

    return click.option(
        "--format",
        "format_",
        type=click.Choice(names),
        default=names[0],
        show_default=True,
        help=help_,
        envvar=FORMAT_VARIABLE if report in FINDINGS else None,
        callback=chosen,
        is_eager=True,
    )


def print_error_for_programs(ctx: click.Context, error: ReconcilerError) -> None:
    """Print the end of a failed command as JSON or as findings, if the command was to print them, and to its files."""
    format_ = ctx.meta.get(_FORMAT, "text")
    if format_ in ("json", "events", *FINDING_FORMATS):
        print_report("error", format_, error)
    if "reconciler.cli.reports" in sys.modules:
        from reconciler.cli.reports import write_reports  # noqa: PLC0415 - only commands with --report have loaded it

        write_reports(ctx, "error", error)


def print_report(report: str, format_: str, facts: object) -> None:
    """Print a report in the format that `format_option` gave."""
    printed = render(report, format_, facts, _around() if format_ in FINDING_FORMATS else None)
    echo_lines(printed.err, err=True, prose=printed.prose)
    echo_lines(printed.out, prose=printed.prose)
    last_lines = click.get_current_context().meta.get(LAST_LINES)
    if last_lines is not None:
        last_lines += printed.out[-1:]
    if printed.hint:
        echo(printed.hint, err=True, prose=printed.prose)


def _around() -> object:
    """The reader of a list of findings on stdout."""
    from reconciler.project.surroundings import surroundings  # noqa: PLC0415 - only for lists of findings

    return surroundings(click.get_current_context().find_root().obj, os.environ)


def verbosity_options(*, quiet: str) -> Callable[[F], F]:
    """`--verbose` and `--quiet`, with the help of the latter."""

    def decorated(function: F) -> F:
        silent = click.option("-q", "--quiet", is_flag=True, help=quiet)
        return click.option("-v", "--verbose", is_flag=True, help="List every asset.")(silent(function))

    return decorated


def verbosity(*, quiet: bool, verbose: bool) -> Verbosity:
    """The two flags as one value."""
    if quiet and verbose:
        raise click.UsageError("--quiet and --verbose exclude each other")
    return Verbosity.QUIET if quiet else Verbosity.VERBOSE if verbose else Verbosity.NORMAL


def selection_options(function: F) -> F:
    """The ID arguments, `--include` and `--exclude`."""
    message = {
        "exclude": "Leave these assets out. May be repeated.",
        "include": "The same as an ID argument. May be repeated.",
    }
    for name, text in message.items():
        option = click.option(f"--{name}", type=AssetIds(), multiple=True, metavar="ID", help=text)
        function = option(function)
    return id_arguments(required=False)(function)


def consent_options(function: F) -> F:
    """The consents, a flag each."""
    message = {
        Consent.RETRY_IN_DOUBT: "Repeat requests in doubt, which may have been charged.",
        Consent.RETRY_REFUSED: "Repeat requests that the model refused.",
        Consent.RETRY_MISMATCHED: "Request again what was answered with an image that does not fit.",
        Consent.RETRY_FAILED: "Request again what was answered without a usable image.",
        Consent.REPLACE_REJECTED: "Generate, and pay for, other images in place of those that reviewers rejected.",
        Consent.REGENERATE_MISSING: "Generate, and pay for, lost images again.",
        Consent.CASCADE: "Generate assets again whose only change is a reference image.",
    }
    for consent, text in reversed(message.items()):
        function = click.option(consent.value, consent.name.lower(), is_flag=True, help=text)(function)
    return function


def retry_options(function: F) -> F:
    """`--candidates`."""
    return click.option(
        "--candidates",
        type=click.IntRange(min=1, max=100),
        metavar="N",
        help="Request N images for each paid asset; `reconciler choose` locks another of them.",
    )(function)


def shard_option(function: F) -> F:
    """`--shard`."""
    help_ = "Only part I of N of the assets, by their recipes, with an Nth of the limits; for several machines."
    return click.option("--shard", type=ShardNumber(), metavar="I/N", help=help_)(function)


def plan_options(given: dict[str, Any]) -> PlanOptions:
    """The options of this module as values."""
    consents = frozenset(consent for consent in Consent if given.get(consent.name.lower()))
    selection = Selection(
        include=(*given.get("ids", ()), *given.get("include", ())),
        exclude=tuple(given.get("exclude", ())),
        replace=tuple(given.get("replace", ())),
        policy=Policy(consents=consents),
        drafts_only=bool(given.get("draft")),
        candidates=given.get("candidates"),
        shard=given.get("shard"),
    )
    return PlanOptions(selection, SpendingLimits(given.get("max_cost"), given.get("max_images")))


class Money(click.ParamType[Decimal]):
    """An amount of money, exact."""

    name = "AMOUNT"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Decimal:
        try:
            amount = Decimal(str(value))
        except InvalidOperation:
            amount = Decimal(-1)
        if not amount.is_finite() or amount < 0:
            self.fail(f'"{value}" is not an amount: write 5.00', param, ctx)
        return amount


class ShardNumber(click.ParamType["Shard"]):
    """A part of a project: 2/8."""

    name = "SHARD"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Shard:
        from reconciler.core.plan.shard import MOST_SHARDS, parse_shard  # noqa: PLC0415 - few runs are divided

        shard = parse_shard(str(value))
        if shard is None:
            self.fail(f'"{value}" is not a part: write 2/8, of at most {MOST_SHARDS}', param, ctx)
        return shard


def print_json(value: Any) -> None:
    """One JSON document on stdout."""
    click.echo(json_text(value, indent=2))


def wait_option(function: F) -> F:
    """`--wait`."""
    return click.option(
        "--wait",
        type=click.FloatRange(min=0),
        default=0.0,
        metavar="SECONDS",
        help="Wait this long for a running apply to end.",
    )(function)


def jobs_option(function: F) -> F:
    """`--jobs`."""
    return click.option(
        "--jobs",
        type=click.IntRange(min=1, max=64),
        metavar="N",
        help="Derive from this many images at a time. Default: one for each core, up to four.",
    )(function)


def editing_options(function: F) -> F:
    """`--yes` and `--wait`."""
    return wait_option(click.option("-y", "--yes", is_flag=True, help="Do not ask for confirmation.")(function))
