"""Apply the policy of the user: freeze, ignored changes, cascade, consent, selection, budget. Each replaces one action
by another; none of them is part of the decision table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from enum import Enum

from reconciler.core.digest import AssetId
from reconciler.core.lock.entry import LockEntry
from reconciler.core.money.cost import Cost
from reconciler.core.plan.actions import (
    Action,
    Adopt,
    Asked,
    Awaited,
    ClaimedElsewhere,
    Conflict,
    Consent,
    Current,
    Doubtful,
    Frozen,
    Generate,
    Hold,
    Ignored,
    Keep,
    MergeSettled,
    NotAFile,
    NotSelected,
    OverBudget,
    Reason,
    RecipeChanged,
    Succeeded,
    UpstreamChanged,
    UpstreamUnavailable,
    WasRejected,
)
from reconciler.core.plan.decide import Facts, generate, in_place, kept, staleness
from reconciler.core.plan.plan import Plan, Step
from reconciler.core.plan.shared import SharedRequest, request_of
from reconciler.core.recipe import Change
from reconciler.core.specs.settings import Budget, Cascade
from reconciler.core.specs.spec import AssetReference, Spec
from reconciler.core.traits import Traits
from reconciler.core.value import field, replace, value


class OnClaimed(Enum):
    """What becomes of an image that another checkout of the team has claimed."""

    LEAVE = "leave"
    """It is left to that checkout."""
    WAIT = "wait"
    """The run waits for it, and buys it if that comes to nothing. A batch takes too long: it is left."""
    TAKE = "take"
    """It is planned as if nobody had claimed it."""


@value
class Policy:
    """The policy of this run. `selected` None is everything; `replace` are assets to generate again.
    `succeeds` are the models that each model replaces under another name. `taken` are the assets whose claimed images
    OnClaimed.TAKE takes, None for all; others are left."""

    consents: frozenset[Consent] = frozenset()
    cascade: Cascade = Cascade.ASK
    selected: frozenset[AssetId] | None = None
    replace: frozenset[AssetId] = frozenset()
    succeeds: Mapping[str, frozenset[str]] = field(default_factory=dict)
    claimed: OnClaimed = OnClaimed.LEAVE
    taken: frozenset[AssetId] | None = None


def gate(facts: Facts, action: Action, policy: Policy) -> Action:
    """One action after the policy."""
    if isinstance(action.reason, MergeSettled) and facts.identity not in policy.replace:
        return action  # selected or not: the lockfile that this run writes does not say any more how it was settled
    if policy.selected is not None and facts.identity not in policy.selected:
        return Keep(NotSelected())
    if facts.identity in policy.replace and facts.spec is not None:
        return _replaced(facts, action, policy)
    if isinstance(action.reason, WasRejected) and action.reason.locked and facts.spec and facts.spec.freeze:
        assert facts.entry is not None  # it is the locked image that was rejected
        return _allowed(in_place(facts, facts.entry, Frozen(action.reason)), facts, policy)
    agreed = _allowed(action, facts, policy)
    if agreed is not action:
        return gate(facts, agreed, policy)
    doubtful = isinstance(action.reason, Doubtful) and bool(facts.in_doubt)
    awaited = isinstance(action.reason, Awaited) and bool(facts.waiting)
    settled = doubtful or awaited or isinstance(action, Adopt | Conflict)
    why = staleness(facts, facts.entry) if facts.entry is not None and not settled else None
    if facts.spec is None or facts.entry is None or why is None:
        return action
    unheeded = _unheeded(why, facts.spec, policy)
    if unheeded is not None:
        stays = in_place if isinstance(unheeded, Frozen) else kept
        return _allowed(stays(facts, facts.entry, unheeded), facts, policy)
    if isinstance(why, UpstreamChanged) and isinstance(action, Generate) and not _cascades(policy):
        if _makes_for_free(facts.traits, facts.entry, facts.spec):
            return action
        first = kept(facts, facts.entry)
        return Hold(why, Consent.CASCADE, action) if isinstance(first, Keep) else _allowed(first, facts, policy)
    return action


def _allowed(action: Action, facts: Facts, policy: Policy) -> Action:
    """The action, or the one behind it to which the user has consented."""
    if not isinstance(action, Hold) or action.otherwise is None:
        return action
    agreed = action.consent in policy.consents or _takes(action.reason, facts.identity, policy)
    return action.otherwise if agreed else action


def _takes(reason: Reason, asset: AssetId, policy: Policy) -> bool:
    """Whether the run goes on with an image that another checkout has claimed."""
    if not isinstance(reason, ClaimedElsewhere):
        return False
    if policy.claimed is OnClaimed.TAKE:
        return policy.taken is None or asset in policy.taken
    return policy.claimed is OnClaimed.WAIT and not reason.in_batch


def _makes_for_free(traits: Traits, entry: LockEntry, spec: Spec) -> bool:
    """Whether a free image replaces a free image. A paid or hand-made image needs consent."""
    return traits.free and (entry.made.placeholder or entry.made.provider == spec.provider)


def _cascades(policy: Policy) -> bool:
    return policy.cascade is Cascade.CASCADE or Consent.CASCADE in policy.consents


def _unheeded(why: Reason, spec: Spec, policy: Policy) -> Reason | None:
    """Why the locked image is kept although it is stale, or None."""
    if spec.freeze:
        return Frozen(why)
    match why:
        case RecipeChanged(changes) if {each.field for each in changes} <= spec.ignore_changes:
            return Ignored(changes)
        case RecipeChanged((Change("model", str(old), str(new)),)) if old in policy.succeeds.get(new, ()):
            return Succeeded(old, new)
        case UpstreamChanged(upstreams) if _fields_with(spec, upstreams) <= spec.ignore_changes:
            return Ignored(())
        case UpstreamChanged() if policy.cascade is Cascade.IGNORE and not _cascades(policy):
            return Current()
        case _:
            return None


def _fields_with(spec: Spec, upstreams: tuple[AssetId, ...]) -> set[str]:
    """The fields of the recipe that contain the images of these assets."""
    in_turns = (part for turn in spec.turns for part in turn.parts)
    fields = {"references": spec.references, "mask": (spec.mask,), "turns": tuple(in_turns)}
    return {
        name
        for name, parts in fields.items()
        if any(isinstance(part, AssetReference) and part.asset in upstreams for part in parts)
    }


def _replaced(facts: Facts, action: Action, policy: Policy) -> Action:
    """Generate again, as the user asked. A request in doubt still needs consent of its own. Nothing is bought beside a
    request that a provider has accepted."""
    if facts.missing or (isinstance(action, Conflict) and isinstance(action.reason, NotAFile)):
        return action
    in_doubt = (*facts.in_doubt, *facts.in_doubt_elsewhere)
    waiting = (*facts.waiting, *facts.waiting_elsewhere)
    again: Action = generate(facts, Asked())
    if waiting:
        again = Hold(Awaited(waiting), None, again)
    elif facts.claimed and not facts.traits.free:
        again = _allowed(Hold(ClaimedElsewhere(facts.claimed), None, again), facts, policy)
    return _allowed(Hold(Doubtful(in_doubt), Consent.RETRY_IN_DOUBT, again), facts, policy) if in_doubt else again


def within_budget(
    plan: Plan,
    budget: Budget,
    *,
    candidates: int = 1,
    already: Sequence[tuple[AssetId, Cost | None]] = (),
    answered: Sequence[tuple[AssetId, Cost | None]] = (),
) -> Plan:
    """Hold the steps that would exceed the budget, in working order, and the steps that depend on them.

    A price that is unknown, or in another currency, fits no limit in money. Every image but a draft counts as an
    image, at any price. The price of a step is that of all its `candidates`. `already` are requests in doubt: they may
    have been charged, and count as spent.

    `answered` are earlier requests of the assets that gave no image to lock: they count towards the limit of their
    asset.
    """
    doubtful = sum((_amount(cost, budget)[0] for _, cost in already), Decimal(0))
    earlier: dict[AssetId, Decimal] = {}
    for asset, was in (*already, *answered):
        earlier[asset] = earlier.get(asset, Decimal(0)) + _amount(was, budget)[0]
    spent, images = doubtful, len(already)
    held: set[AssetId] = set()
    steps: list[Step] = []
    sent: set[SharedRequest] = set()
    for step in plan.steps:
        action = step.action
        if isinstance(action, Generate):
            cost, priced = _amount(action.cost, budget)
            paid = 0 if action.cost is not None and action.cost.free else candidates
            request = request_of(step)
            if request in sent:
                cost, paid = Decimal(0), 0
            needs = _Needs(earlier.get(step.asset, Decimal(0)) + cost, spent + cost, images + paid)
            limit = "" if not paid else _limit(budget, needs) if priced else _unpriced(action.cost, budget, needs)
            if limit and already and OTHER_CURRENCY not in limit:
                limit += f"; {doubtful} {budget.currency} in doubt counts" if doubtful else "; requests in doubt count"
            lacking = tuple(up for up in action.after if up in held)
            if limit:
                action = Hold(OverBudget(limit), None, action)
            elif lacking:
                action = Hold(UpstreamUnavailable(lacking), None, action)
            else:
                spent, images = spent + cost, images + paid
                sent |= {request} if request is not None else set()
            if isinstance(action, Hold):
                held.add(step.asset)
        steps.append(replace(step, action=action))
    return Plan(tuple(steps))


@value
class _Needs:
    """The totals after one step: of its asset, of the run, and of the number of images."""

    asset: Decimal
    run: Decimal
    images: int


def _amount(cost: Cost | None, budget: Budget) -> tuple[Decimal, bool]:
    """A price in the budget's currency, and whether it is known. Zero is zero in any currency."""
    if cost is None or (cost.amount and cost.currency != budget.currency):
        return Decimal(0), False
    return cost.amount, True


OTHER_CURRENCY = "its price is in "
"""The beginning of the text of a limit in another currency than the price."""


def _unpriced(cost: Cost | None, budget: Budget, needs: _Needs) -> str:
    if budget.in_money:
        if cost is not None:
            return f"{OTHER_CURRENCY}{cost.currency}, and the budget is a limit in {budget.currency}"
        return f"its price in {budget.currency} is unknown, and the budget is a limit in {budget.currency}"
    return _limit(budget, needs)


def _limit(budget: Budget, needs: _Needs) -> str:
    if budget.per_asset is not None and needs.asset > budget.per_asset:
        return f"{budget.per_asset} {budget.currency} an asset"
    if budget.per_run is not None and needs.run > budget.per_run:
        return f"{budget.per_run} {budget.currency} a run"
    if budget.left is not None and needs.run > budget.left.amount:
        return budget.left.text
    if budget.images is not None and needs.images > budget.images:
        return f"{budget.images} images a run"
    return ""
