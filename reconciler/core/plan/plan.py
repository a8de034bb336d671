"""Plan a whole project. Pure: same specs, lock and observation in, same plan out."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from reconciler.core.digest import AssetId
from reconciler.core.lock.lockfile import Lock, LockEntry
from reconciler.core.plan.actions import Action, Keep
from reconciler.core.plan.decide import Facts, decide
from reconciler.core.plan.facts import FactCollector, Price
from reconciler.core.plan.observed import Observed
from reconciler.core.specs.graph import work_order
from reconciler.core.specs.spec import Spec
from reconciler.core.traits import Traits
from reconciler.core.value import value


@value
class Step:
    """One asset's part of the plan. `spec` is None for an orphan; `entry` is what the lock has for it, or for the
    orphan `origin` that it takes over. Without either, all that is known of the asset is a request in doubt, and
    `output` is ""."""

    asset: AssetId
    action: Action
    output: str
    spec: Spec | None = None
    entry: LockEntry | None = None
    origin: AssetId | None = None


@value
class Plan:
    """Every asset's step, each after the assets it refers to; orphans last."""

    steps: tuple[Step, ...]

    @property
    def drift(self) -> tuple[Step, ...]:
        """What is not as it should be. Empty exactly when `check` is 0."""
        return tuple(step for step in self.steps if not isinstance(step.action, Keep))


Gate = Callable[[Facts, Action], Action]


def plan(
    specs: Mapping[AssetId, Spec],
    lock: Lock,
    seen: Observed,
    *,
    traits: Mapping[str, Traits],
    price: Price,
    gate: Gate,
) -> Plan:
    """Every asset's action. `traits` are those of every provider, by the name that specs use.

    The gate is asked for each action as it is decided, since the actions of downstream assets rest on it: a picture
    counts by its locked content or by the one that this plan restores; where it is about to be generated, the
    assets that refer to it come `after` it.
    """
    survey = FactCollector(specs, lock, seen, traits=traits)
    steps: list[Step] = []
    for identity in work_order(specs):
        facts = survey.facts(identity, price)
        action = gate(facts, decide(facts))
        survey.expect(facts, action)
        steps.append(Step(identity, action, specs[identity].output, specs[identity], facts.entry, facts.origin))
    for identity in sorted({*survey.orphans, *seen.in_doubt} - specs.keys()):
        orphan = Facts(identity, entry=survey.orphans.get(identity), in_doubt=seen.in_doubt.get(identity, ()))
        path = orphan.entry.output if orphan.entry is not None else ""
        steps.append(Step(identity, gate(orphan, decide(orphan)), path, None, orphan.entry))
    return Plan(tuple(steps))
