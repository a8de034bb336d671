"""What one shard of a project does, and which part of the limits it has."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reconciler.core.plan.shard import Shard
from reconciler.core.specs.settings import Budget
from reconciler.core.text import printable
from reconciler.core.value import field, value
from reconciler.report.formats import counted


@value
class ShardFacts:
    """A shard with its number of assets, of those that are selected. `budget` is its part; `rates` are its requests a
    minute by provider, for those that have a limit."""

    shard: Shard
    assets: int
    total: int
    budget: Budget
    rates: Mapping[str, int] = field(default_factory=dict)


def shard_line(facts: ShardFacts) -> str:
    """`shard 2 of 8: 12 of 100 assets; its part of the limits: 0.62 USD a run, gemini 7 requests a minute`."""
    line = f"shard {facts.shard.number} of {facts.shard.count}: {facts.assets} of {counted(facts.total, 'asset')}"
    budget, limits = facts.budget, []
    if budget.per_run is not None:
        limits.append(f"{budget.per_run} {budget.currency} a run")
    if budget.left is not None:
        limits.append(f"{budget.left.amount} {budget.currency} of what is left")
    if budget.images is not None:
        limits.append(counted(budget.images, "image"))
    limits += [f"{printable(name)} {rate} requests a minute" for name, rate in sorted(facts.rates.items())]
    return f"{line}; its part of the limits: {', '.join(limits)}" if limits else line


def shard_json(facts: ShardFacts) -> dict[str, Any]:
    """The same for programs."""
    budget = facts.budget
    return {
        "number": facts.shard.number,
        "count": facts.shard.count,
        "assets": facts.assets,
        "of": facts.total,
        "per_run": None if budget.per_run is None else f"{budget.per_run} {budget.currency}",
        "left": None if budget.left is None else f"{budget.left.amount} {budget.currency}",
        "images": budget.images,
        "requests_per_minute": dict(sorted(facts.rates.items())),
    }
