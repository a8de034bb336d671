"""`reconciler plan`: show the steps of an apply, their reasons and their price."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from reconciler.cli import options
from reconciler.cli.asset_ids import AssetIds
from reconciler.cli.reports import report_option, write_reports
from reconciler.core.errors import Exit
from reconciler.core.value import replace
from reconciler.project.load import load_specs
from reconciler.project.planning import budget_for, derived_files, plan_project, remember, within_limits
from reconciler.project.saved_plan import write_plan
from reconciler.project.workspace import open_workspace
from reconciler.report.plan_report import PlanFacts, cached_answers


@click.command(epilog="Example:  reconciler plan icons tag:web")
@options.format_option("plan")
@report_option("plan")
@options.selection_options
@options.consent_options
@click.option("--draft", is_flag=True, help="Plan for `apply --draft`: drafts for all assets without a real image.")
@click.option("--replace", type=AssetIds(), multiple=True, metavar="ID", help="Plan to generate these assets again.")
@click.option("--max-cost", type=options.Money(), help="Hold steps that would exceed this sum.")
@click.option("--max-images", type=click.IntRange(min=0), help="Hold steps that would exceed this number of images.")
@options.retry_options
@options.shard_option
@click.option(
    "-o", "--out", type=click.Path(dir_okay=False), metavar="FILE", help="Save the plan, for `apply --plan FILE`."
)
@options.verbosity_options(quiet="Print only the totals.")
@click.option(
    "--exit-code", is_flag=True, help="Exit 2 if there is anything to do; with --against, if a recipe differs."
)
@click.option(
    "--against",
    metavar="REV",
    help="Show what this branch costs: compare it with the commit at which it and REV began. "
    "With --max-cost, exit 3 if it costs more.",
)
@click.pass_context
def command(
    ctx: click.Context,
    /,
    *,
    format_: str,
    exit_code: bool,
    out: str | None,
    quiet: bool,
    verbose: bool,
    against: str | None,
    **given: Any,
) -> int:
    """Show which images would be generated, why, and at what price.

    ID is an id, a glob, tag:NAME, a spec file, a folder or an output; without one, all assets are meant.
    Needs no key, opens no socket, and writes only with -o.
    """
    shown = options.verbosity(quiet=quiet, verbose=verbose)
    workspace = open_workspace(ctx.obj, os.environ)
    chosen = options.plan_options(given)
    if against is not None:
        if out is not None:
            raise click.UsageError("--against takes no -o: a plan that can be carried out compares with nothing")
        if chosen.selection.shard is not None:
            raise click.UsageError("--against takes no --shard: it compares whole projects")
        from reconciler.cli.against import print_against  # noqa: PLC0415 - only where it is asked for

        differs = Exit.DRIFT if exit_code else Exit.DONE
        return print_against(ctx, format_, workspace, chosen, name=against, shown=shown, differs=differs)
    planned = plan_project(workspace, load_specs(workspace), chosen.selection)
    plan = within_limits(planned, chosen.limits)
    derived = derived_files(workspace, planned, chosen.selection, within=plan) if planned.shard is None else None
    running = workspace.holder() if planned.behind else None
    facts = PlanFacts(planned.plan, datetime.now(UTC), planned.behind, running, planned.loaded.cautions, shown)
    if derived is not None:
        facts = replace(facts, derived=derived.facts)
    remember(workspace, planned, cached_answers(facts) if chosen.is_default else {}, derived)
    if out is not None:
        write_plan(Path(ctx.obj or ".") / out, planned, plan, options=chosen)
    facts = replace(facts, plan=plan)
    if planned.shard is not None:
        from reconciler.project.shards import shard_facts  # noqa: PLC0415 - few plans are divided

        budget = budget_for(planned, chosen.limits)
        facts = replace(facts, shard=shard_facts(planned.shard, plan, budget, planned.loaded.project.settings))
    write_reports(ctx, "plan", facts)
    options.print_report("plan", format_, facts)
    return Exit.DRIFT if exit_code and facts.drift else Exit.DONE
