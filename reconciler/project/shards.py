"""One shard of an apply: its part of the limits, and when it may buy."""

from __future__ import annotations

from collections.abc import Iterable

from reconciler.core.errors import ProjectError
from reconciler.core.plan.actions import Keep, NotSelected
from reconciler.core.plan.plan import Plan
from reconciler.core.plan.shard import Shard, part_of_rate
from reconciler.core.specs.settings import Budget, ProviderSettings, Settings
from reconciler.core.text import printable
from reconciler.core.value import replace
from reconciler.report.shard import ShardFacts


def shard_facts(shard: Shard, plan: Plan, budget: Budget, settings: Settings) -> ShardFacts:
    """The shard for reports. `budget` is its part. ProjectError if a rate cannot be divided."""
    steps = plan.asset_steps
    mine = sum(not isinstance(step.action, Keep) or step.action.reason != NotSelected() for step in steps)
    paid = [one for name, one in settings.providers.items() if name in plan.generating_providers and _is_paid(one)]
    rates = {one.name: one.requests_per_minute for one in of_shard(paid, shard) if one.requests_per_minute}
    return ShardFacts(shard, mine, len(steps), budget, rates)


def of_shard(used: Iterable[ProviderSettings], shard: Shard | None) -> list[ProviderSettings]:
    """Providers with the rates of a shard; None: as they are. ProjectError if a rate cannot be divided."""
    if shard is None:
        return list(used)
    slower = []
    for one in used:
        rate = part_of_rate(one.requests_per_minute, shard)
        if rate is None:
            name = printable(one.name)
            fact = f"providers.{name}.requests_per_minute: {one.requests_per_minute} is less than one for each shard"
            raise ProjectError(fact, hint=f"divide into at most {one.requests_per_minute} shards")
        slower.append(replace(one, requests_per_minute=rate))
    return slower


def require_claims(shard: Shard, settings: Settings, *, without_team: bool = False) -> None:
    """ProjectError for a shard that would buy without the claims of a team: assets that share a recipe or an upstream
    can be in two shards, and both would pay. Free images are only drawn twice, so they need no team."""
    if shard.count == 1 or (settings.team is not None and settings.team.claims and not without_team):
        return
    if without_team:
        fact, hint = "a shard buys nothing --without-team", "run it with the team's store"
    elif settings.team is None:
        fact, hint = "a shard buys nothing without a team's store", "add team: to reconciler.yaml"
    else:
        fact, hint = "a shard buys nothing without claims", "remove `claims: off` from team: in reconciler.yaml"
    raise ProjectError(f"{fact}: two shards could pay for one image", hint=f"{hint}, or run apply without --shard")


def _is_paid(settings: ProviderSettings) -> bool:
    return not settings.traits.free
