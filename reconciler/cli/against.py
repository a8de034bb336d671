"""`plan --against`: print what a branch costs, and its exit code."""

from __future__ import annotations

from datetime import UTC, datetime

import click

from reconciler.cli import options
from reconciler.cli.reports import write_reports
from reconciler.cli.streams import echo
from reconciler.core.errors import Exit
from reconciler.core.plan.shared import sharers
from reconciler.core.text import printable
from reconciler.project.against import compare_branch
from reconciler.project.options import PlanOptions, SpendingLimits
from reconciler.project.workspace import Workspace
from reconciler.report.against import AgainstFacts
from reconciler.report.formats import counted
from reconciler.report.plan_text import plan_total
from reconciler.report.plan_view import Verbosity

_NAMED = 20


def print_against(
    ctx: click.Context,
    format_: str,
    workspace: Workspace,
    chosen: PlanOptions,
    *,
    name: str,
    shown: Verbosity,
    differs: Exit,
) -> Exit:
    """Print the report; CONSENT if the branch costs more than the limits, else `differs` if a recipe differs."""
    found = compare_branch(workspace, chosen.selection, name)
    facts = AgainstFacts(
        found.name,
        found.commit,
        found.compared,
        found.plan,
        found.made,
        datetime.now(UTC),
        found.present,
        found.broken,
        shown,
    )
    write_reports(ctx, "against", facts)
    options.print_report("against", format_, facts)
    if over := _over(facts, chosen.limits, found.currency):
        assets = [printable(step.asset) for step in facts.plan.steps]
        more = f" and {len(assets) - _NAMED} more" if len(assets) > _NAMED else ""
        echo(f"{over}: {', '.join(assets[:_NAMED])}{more}", err=True, prose=True)
        return Exit.CONSENT
    return differs if facts.compared.differs else Exit.DONE


def _over(facts: AgainstFacts, limits: SpendingLimits, currency: str) -> str:
    """By how much the branch exceeds the limits, in words; "" if it does not. An unknown price fits no limit."""
    paid = [step for step in facts.plan.steps if not getattr(getattr(step.action, "cost", None), "free", False)]
    if limits.max_cost is not None and paid:
        sums = plan_total(facts.plan)
        other = any(cost.amount and cost.currency != currency for cost in sums.amounts)
        amount = sum(cost.amount for cost in sums.amounts if cost.currency == currency)
        if sums.unknown or other or amount > limits.max_cost:
            return f"this branch costs {sums}, more than {limits.max_cost} {currency}"
    shared = sharers(facts.plan.steps)
    images = sum(shared.get(step.asset, (step.asset,))[0] == step.asset for step in paid)
    if limits.max_images is not None and images > limits.max_images:
        return f"this branch asks for {counted(images, 'image')}, more than {limits.max_images}"
    return ""
