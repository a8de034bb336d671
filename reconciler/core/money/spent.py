"""What a project has spent, by its lockfile, and how much of its limits is left. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from reconciler.core.lock.lockfile import Lock
from reconciler.core.money.cost import parse_cost
from reconciler.core.specs.settings import Budget, Left
from reconciler.core.value import replace


def with_rest(budget: Budget, lock: Lock, month: str) -> Budget:
    """The budget with what is left of `total` and `per_month`. `month` is the current one in UTC, as 2026-11.

    An image counts with its cost while the lockfile has it; responses without an image to lock count, too. Costs in
    another currency do not count. Requests in doubt are not in the lockfile: they count with those of the run.
    """
    if budget.total is None and budget.per_month is None:
        return budget
    total = this_month = Decimal(0)
    for at, text in _costs(lock):
        cost = parse_cost(text)
        if cost is not None and cost.currency == budget.currency:
            total += cost.amount
            this_month += cost.amount if at.startswith(month) else 0
    limits = ((budget.total, total, "in all"), (budget.per_month, this_month, "a month"))
    left = [
        Left(max(limit - spent, Decimal(0)), f"{limit} {budget.currency} {period}, of which {spent} are spent")
        for limit, spent, period in limits
        if limit is not None
    ]
    return replace(budget, left=min(left, key=lambda each: each.amount))


def _costs(lock: Lock) -> Iterator[tuple[str, str]]:
    """When each response came, and its cost; an image of several assets once."""
    images = {(entry.original or entry.content): entry.made for entry in lock.entries.values()}
    yield from ((made.at, made.cost) for made in images.values())
    yield from ((answer.at, cost) for answer in lock.answers.values() for cost in answer.costs)
