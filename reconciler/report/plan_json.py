"""A plan for programs: the JSON that `plan`, `check` and `apply` print."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reconciler.core.digest import Json
from reconciler.core.money.cost import total
from reconciler.core.plan import actions as do
from reconciler.core.plan.actions import Reason
from reconciler.core.plan.plan import AssetStep, Plan, Step
from reconciler.report.claimed import claimed_json
from reconciler.report.in_doubt import in_doubt_json
from reconciler.report.plan_text import changed_fields, keeps, plan_total, reason_text
from reconciler.report.waiting import waiting_costs, waiting_json


def plan_json(plan: Plan) -> dict[str, Any]:
    """The plan for programs: `plan` is the format's number; Keeps are counted, not listed."""
    sums = plan_total(plan)
    return {
        "plan": 1,
        "steps": [step_json(step) for step in plan.steps if not isinstance(step.action, do.Keep)],
        "orphans": [step.asset for step in plan.steps if keeps(step, do.Orphaned)],
        "kept": sum(isinstance(step.action, do.Keep) for step in plan.steps),
        "cost": {"amounts": [str(cost) for cost in sums.amounts if cost.amount], "unknown": sums.unknown},
    }


def step_json(step: Step) -> dict[str, Any]:
    """One step for programs."""
    action = step.action
    base = action.otherwise if isinstance(action, do.Hold) else action
    result: dict[str, Any] = {
        "asset": step.asset,
        "action": type(action).__name__.lower(),
        "reason": type(action.reason).__name__,
        "words": reason_text(action.reason),
        "output": step.output,
    }
    if changes := _change_json(action.reason) or (_change_json(base.reason) if base else []):
        result["changes"] = changes
    if isinstance(base, do.Generate):
        if not isinstance(action.reason, do.ClaimedElsewhere):
            result["cost"] = _cost(action.reason, base)
        if base.key is not None:
            result["recipe"] = base.key
        if base.after:
            result["after"] = list(base.after)
    if isinstance(action, do.Restore) and action.by is do.By.REDRAW:
        result["by"] = action.by.value
    if isinstance(action, do.Restore) and action.place:
        result["from"] = action.place
    if isinstance(action.reason, do.RedrawnDifferently):
        result["redrawn"] = action.reason.content
    if isinstance(action, do.Hold) and action.consent is not None:
        result["consent"] = action.consent.value
    if isinstance(step, AssetStep) and step.approved is not None:
        result["approved"] = {"by": list(step.approved.by), "at": step.approved.at}
    if isinstance(action.reason, do.Doubtful):
        result["in_doubt"] = in_doubt_json(action.reason.requests)
    if isinstance(action.reason, do.Awaited):
        result["waiting"] = waiting_json(action.reason.requests)
    if isinstance(action.reason, do.ClaimedElsewhere):
        result["claimed"] = claimed_json(action.reason)
    return result


def _cost(reason: Reason, base: do.Generate) -> str | None:
    """The price of an image: one that is submitted costs what it was submitted for."""
    if not isinstance(reason, do.Awaited):
        return None if base.cost is None else str(base.cost)
    costs = total(waiting_costs(reason.requests).values())
    return None if costs.unknown else str(costs)


def _change_json(reason: Reason) -> list[Mapping[str, Json]]:
    return [{"field": each.field, "before": each.before, "after": each.after} for each in changed_fields(reason)]
