"""What something costs: an exact amount in one currency, or unknown. Unknown is never 0."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation


@dataclass(frozen=True, slots=True)
class Cost:
    """An exact price. `str()` is the lockfile's form: `0.134 USD`."""

    amount: Decimal
    currency: str = "USD"

    def __str__(self) -> str:
        return f"{self.amount.normalize():f} {self.currency}"


FREE = Cost(Decimal(0))


@dataclass(frozen=True, slots=True)
class Total:
    """A sum that keeps what it could not add: amounts by currency, and how many prices were unknown."""

    amounts: tuple[Cost, ...]
    unknown: int

    def __str__(self) -> str:
        parts = [str(cost) for cost in self.amounts if cost.amount]
        if self.unknown:
            parts.append(f"{self.unknown} of unknown price")
        return " + ".join(parts) if parts else "0 USD"


def parse_cost(text: str) -> Cost | None:
    """`0.134 USD` as a Cost; None for anything else."""
    amount, _, currency = text.partition(" ")
    try:
        value = Decimal(amount)
    except InvalidOperation:
        return None
    return Cost(value, currency) if currency and value.is_finite() else None


def total(costs: Iterable[Cost | None]) -> Total:
    """Add prices; None is an unknown price."""
    sums: dict[str, Decimal] = {}
    unknown = 0
    for cost in costs:
        if cost is None:
            unknown += 1
        else:
            sums[cost.currency] = sums.get(cost.currency, Decimal(0)) + cost.amount
    return Total(tuple(Cost(sums[currency], currency) for currency in sorted(sums)), unknown)
