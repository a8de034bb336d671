"""What a person allows: freeze, ignored changes, cascade, consent, selection, budget. Each turns one action into
another; none of them enters the decision table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from fnmatch import fnmatchcase

from reconciler.core.actions import (
    Action,
    Asked,
    Conflict,
    Consent,
    Frozen,
    Generate,
    Hold,
    Ignored,
    Keep,
    NeverGenerated,
    NotAFile,
    NotSelected,
    OutputLost,
    OverBudget,
    RecipeChanged,
    UpstreamChanged,
    UpstreamUnavailable,
)
from reconciler.core.decide import Facts, generate
from reconciler.core.digest import AssetId
from reconciler.core.plan import Plan, Step
from reconciler.core.settings import Budget, Cascade
from reconciler.core.spec import Spec


@dataclass(frozen=True, slots=True)
class Policy:
    """What was allowed for this run. `selected` None is everything; `replace` are assets to make again."""

    consents: frozenset[Consent] = frozenset()
    cascade: Cascade = Cascade.ASK
    selected: frozenset[AssetId] | None = None
    replace: frozenset[AssetId] = frozenset()


def gate(facts: Facts, action: Action, policy: Policy) -> Action:
    """One action as the policy has it."""
    if policy.selected is not None and facts.identity not in policy.selected:
        return Keep(NotSelected())
    if facts.identity in policy.replace and facts.spec is not None:
        return _replaced(facts, action)
    if isinstance(action, Hold) and action.consent in policy.consents and action.otherwise is not None:
        return gate(facts, action.otherwise, policy)
    if not isinstance(action, Generate) or facts.spec is None:
        return action
    reason = action.reason
    if facts.spec.freeze and not isinstance(reason, NeverGenerated | OutputLost):
        return Keep(Frozen(reason))
    if isinstance(reason, RecipeChanged) and {each.field for each in reason.changes} <= facts.spec.ignore_changes:
        return Keep(Ignored(reason.changes))
    if isinstance(reason, UpstreamChanged):
        return _cascaded(action, reason, policy)
    return action


def _replaced(facts: Facts, action: Action) -> Action:
    if facts.missing or (isinstance(action, Conflict) and isinstance(action.reason, NotAFile)):
        return action
    return generate(facts, Asked())


def _cascaded(action: Generate, reason: UpstreamChanged, policy: Policy) -> Action:
    uncascaded = action.uncascaded or Keep()
    if policy.cascade is Cascade.CASCADE or Consent.CASCADE in policy.consents:
        return action
    if policy.cascade is Cascade.IGNORE or not isinstance(uncascaded, Keep):
        return uncascaded
    return Hold(reason, Consent.CASCADE, action)


def within_budget(plan: Plan, budget: Budget) -> Plan:
    """Hold what would pass the budget, in the order of work, and what needs it. An unknown price counts as an image."""
    spent, images = Decimal(0), 0
    held: set[AssetId] = set()
    steps: list[Step] = []
    for step in plan.steps:
        action = step.action
        if isinstance(action, Generate):
            cost = action.cost.amount if action.cost is not None else Decimal(0)
            paid = action.cost is None or cost > 0
            limit = _limit(budget, cost, spent + cost, images + paid)
            lacking = tuple(up for up in action.after if up in held)
            if limit:
                action = Hold(OverBudget(limit), None, action)
            elif lacking:
                action = Hold(UpstreamUnavailable(lacking), None, action)
            else:
                spent, images = spent + cost, images + paid
            if isinstance(action, Hold):
                held.add(step.asset)
        steps.append(replace(step, action=action))
    return Plan(tuple(steps))


def _limit(budget: Budget, cost: Decimal, spent: Decimal, images: int) -> str:
    if budget.per_asset is not None and cost > budget.per_asset:
        return f"{budget.per_asset} {budget.currency} an asset"
    if budget.per_run is not None and spent > budget.per_run:
        return f"{budget.per_run} {budget.currency} a run"
    if budget.images is not None and images > budget.images:
        return f"{budget.images} images a run"
    return ""


def select(
    specs: Mapping[AssetId, Spec], orphans: Iterable[AssetId], *, include: tuple[str, ...], exclude: tuple[str, ...]
) -> frozenset[AssetId] | None:
    """The ids that globs over ids and `tag:x` choose, with all that the chosen ones refer to; None for everything."""
    if not include and not exclude:
        return None
    chosen = {identity for identity, spec in specs.items() if not include or _matches(identity, spec.tags, include)}
    chosen |= {identity for identity in orphans if not include or _matches(identity, (), include)}
    stack = [identity for identity in chosen if identity in specs]
    while stack:
        for up in specs[stack.pop()].upstreams():
            if up in specs and up not in chosen:
                chosen.add(up)
                stack.append(up)
    return frozenset(
        identity
        for identity in chosen
        if not _matches(identity, specs[identity].tags if identity in specs else (), exclude)
    )


def _matches(identity: AssetId, tags: tuple[str, ...], patterns: tuple[str, ...]) -> bool:
    return any(
        any(fnmatchcase(tag, pattern[4:]) for tag in tags)
        if pattern.startswith("tag:")
        else fnmatchcase(identity, pattern)
        for pattern in patterns
    )
