"""Costs: an exact amount in one currency, or unknown. Unknown is never 0."""

from __future__ import annotations

import re
from collections.abc import Iterable
from decimal import Decimal

from reconciler.core.value import value


@value
class Cost:
    """An exact price. `str()` is the lockfile's form: `0.134 USD`.

    `free`: made on this machine, so no provider can charge for it. A price of 0 from a table is not `free`.
    `at_most`: an estimate by the price of something larger.
    """

    amount: Decimal
    currency: str = "USD"
    free: bool = False
    at_most: bool = False

    def __str__(self) -> str:
        return f"{self.amount.normalize():f} {self.currency}"


FREE = Cost(Decimal(0), free=True)

CURRENCY = re.compile(r"[A-Z]{3}")
_COST = re.compile(r"([0-9]{1,30}(?:\.[0-9]{1,30})?) ([A-Z]{3})")


@value
class Total:
    """A sum: one amount for each currency, and the number of unknown prices."""

    amounts: tuple[Cost, ...]
    unknown: int

    def __str__(self) -> str:
        parts = [f"at most {cost}" if cost.at_most else str(cost) for cost in self.amounts if cost.amount]
        if self.unknown:
            parts.append(f"{self.unknown} of unknown price")
        return " + ".join(parts) if parts else "0 USD"


def parse_cost(text: str) -> Cost | None:
    """`0.134 USD` as a Cost; None for any other text, negative amounts included."""
    match = _COST.fullmatch(text)
    return Cost(Decimal(match[1]), match[2]) if match else None


def total(costs: Iterable[Cost | None]) -> Total:
    """Add prices; None is an unknown price."""
    sums: dict[str, Decimal] = {}
    estimated: set[str] = set()
    unknown = 0
    for cost in costs:
        if cost is None:
            unknown += 1
        else:
            sums[cost.currency] = sums.get(cost.currency, Decimal(0)) + cost.amount
            if cost.at_most:
                estimated.add(cost.currency)
    return Total(tuple(Cost(sums[each], each, at_most=each in estimated) for each in sorted(sums)), unknown)
