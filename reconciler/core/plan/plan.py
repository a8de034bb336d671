"""Plan a whole project. Pure: the same specs, lock and observation give the same plan."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import ClassVar

from reconciler.core.digest import AssetId
from reconciler.core.lock.lockfile import Lock, LockEntry
from reconciler.core.plan.actions import Action, By, Generate, Keep, Restore
from reconciler.core.plan.decide import Facts, decide
from reconciler.core.plan.facts import FactCollector, Price
from reconciler.core.plan.observed import Approval, Observed
from reconciler.core.specs.graph import work_order
from reconciler.core.specs.spec import Spec
from reconciler.core.traits import Traits
from reconciler.core.value import value


@value
class AssetStep:
    """The action for an asset with a spec. `entry` is its lock entry, or the entry of the orphan `origin` that the
    asset takes over. `approved` is the approval of the locked image, where that is not kept as it is."""

    asset: AssetId
    action: Action
    spec: Spec
    entry: LockEntry | None = None
    origin: AssetId | None = None
    approved: Approval | None = None

    @property
    def output(self) -> str:
        return self.spec.output


@value
class OrphanStep:
    """The action for a lock entry without a spec: `Keep`, or `Hold` while a request for it is in doubt."""

    asset: AssetId
    action: Action
    entry: LockEntry

    @property
    def output(self) -> str:
        return self.entry.output


@value
class DoubtStep:
    """The `Hold` for an asset of which only a request in doubt is known: no spec, no lock entry, no output."""

    asset: AssetId
    action: Action
    output: ClassVar[str] = ""


Step = AssetStep | OrphanStep | DoubtStep


def locked_entry(step: Step) -> LockEntry | None:
    """The lock entry of a step, if it has one."""
    return None if isinstance(step, DoubtStep) else step.entry


@value
class Plan:
    """Every asset's step, each after the assets it refers to; orphans last."""

    steps: tuple[Step, ...]

    @property
    def drift(self) -> tuple[Step, ...]:
        """The steps that are not a Keep. Empty exactly when `check` exits with 0."""
        return tuple(step for step in self.steps if not isinstance(step.action, Keep))

    @property
    def asset_steps(self) -> tuple[AssetStep, ...]:
        """The steps of assets with a spec."""
        return tuple(step for step in self.steps if isinstance(step, AssetStep))

    @property
    def generating_providers(self) -> frozenset[str]:
        """The names of the providers that generate images in this plan, or draw lost ones again."""
        return frozenset(step.spec.provider for step in self.asset_steps if draws(step.action))


def draws(action: Action) -> bool:
    """Whether a provider is needed for an action."""
    return isinstance(action, Generate) or (isinstance(action, Restore) and action.by is By.REDRAW)


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

    The gate applies the policy to each action as it is decided, since the actions of downstream assets depend on it. An
    upstream counts with its locked content, or with the content that this plan restores. If this plan generates it, the
    assets that refer to it come `after` it.
    """
    survey = FactCollector(specs, lock, seen, traits=traits)
    steps: list[Step] = []
    for identity in work_order(specs):
        facts = survey.facts(identity, price)
        action = gate(facts, decide(facts))
        survey.expect(facts, action)
        steps.append(AssetStep(identity, action, specs[identity], facts.entry, facts.origin))
    for identity in sorted({*survey.orphans, *seen.in_doubt, *seen.waiting} - specs.keys()):
        entry = survey.orphans.get(identity)
        in_doubt, waiting = seen.in_doubt.get(identity, ()), seen.waiting.get(identity, ())
        orphan = Facts(identity, entry=entry, in_doubt=in_doubt, waiting=waiting)
        action = gate(orphan, decide(orphan))
        steps.append(DoubtStep(identity, action) if entry is None else OrphanStep(identity, action, entry))
    return Plan(tuple(steps))
