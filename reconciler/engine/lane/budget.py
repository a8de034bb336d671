"""Decide whether the budget allows a request: reserve its price before the call, settle it after the call."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from enum import Enum

from reconciler.core.digest import AssetId
from reconciler.core.money.cost import Cost
from reconciler.core.outcome import Done, Mismatched, NotSent, Outcome, Rejected, Stop, Throttled
from reconciler.core.ports import ImageRequest, OnResponse, Provider, ignore_response
from reconciler.core.specs.settings import Budget
from reconciler.core.value import value
from reconciler.engine.lane.recorded import Estimate


class Unpriced(Enum):
    """The effect of a money limit on a request whose price is unknown, or in another currency than the limit.

    HOLD: the request is not sent, since the limit could not be kept. COUNT: the user allowed it, and it counts
    towards the limit on images only. Without a money limit, such a request is sent and counts as an image.
    """

    HOLD = "hold"
    COUNT = "count"


@value
class Reservation:
    """The estimated price of one call, reserved until its outcome is known."""

    asset: AssetId
    money: Decimal


@dataclass(slots=True)
class _Tally:
    money: Decimal = Decimal(0)
    images: int = 0
    by_asset: defaultdict[AssetId, Decimal] = field(default_factory=lambda: defaultdict(Decimal))

    def add(self, asset: AssetId, money: Decimal, *, images: int) -> None:
        self.money += money
        self.images += images
        self.by_asset[asset] += money


class Spending:
    """The money spent and reserved by a run, over all its lanes. Belongs to one event loop.

    `already` holds the estimates of requests that earlier runs left in doubt; they count from the start. `answered`
    holds those of earlier requests that gave no image to lock; they count towards the limit of their asset. Every call
    that may have been charged counts as spent: Done, Mismatched, InDoubt, Refused, BadOutput and a cancelled call. A
    response that states its price counts with that price. If it exceeds the estimate, the total can exceed the limit,
    and the run sends no further request.
    """

    def __init__(
        self,
        budget: Budget,
        *,
        unpriced: Unpriced = Unpriced.HOLD,
        already: Iterable[tuple[AssetId, Cost | None]] = (),
        answered: Iterable[tuple[AssetId, Cost | None]] = (),
    ) -> None:
        self._budget = budget
        self._unpriced = unpriced
        self._spent = _Tally()
        self._reserved = _Tally()
        self._door = asyncio.Lock()
        self._settled: asyncio.Future[None] | None = None
        for asset, cost in already:
            self._spent.add(asset, max(self._amount(cost) or Decimal(0), Decimal(0)), images=1)
        for asset, cost in answered:
            self._spent.by_asset[asset] += max(self._amount(cost) or Decimal(0), Decimal(0))

    @property
    def spent(self) -> Cost:
        """The sum that counts as spent, in the budget's currency."""
        return Cost(self._spent.money, self._budget.currency)

    @property
    def images(self) -> int:
        """The number of images that were paid for, or may have been."""
        return self._spent.images

    async def reserve(self, asset: AssetId, cost: Cost | None) -> Reservation | NotSent:
        """Reserve the price. If only reservations of calls in flight exceed the limit, wait: these may end free."""
        money = self._amount(cost)
        if money is None and self._in_money and self._unpriced is Unpriced.HOLD:
            price = "is unknown" if cost is None else f"is in {cost.currency}"
            return _held(f"the price {price}, and the budget is a limit in {self._budget.currency}")
        wanted = Reservation(asset, money or Decimal(0))
        async with self._door:  # first come, first served
            while True:
                if over := self._over(wanted, self._spent):
                    return _held(over)
                if not self._over(wanted, self._spent, self._reserved):
                    self._reserved.add(asset, wanted.money, images=1)
                    return wanted
                self._settled = asyncio.get_running_loop().create_future()
                await self._settled

    def settle(self, reservation: Reservation, outcome: Outcome | None) -> None:
        """Release the reservation, and count the price if it may have been charged. None: the call was cancelled."""
        self._reserved.add(reservation.asset, -reservation.money, images=-1)
        charge = self._charge(reservation, outcome)
        if charge is not None:
            self._spent.add(reservation.asset, charge, images=1)
        if self._settled is not None and not self._settled.done():
            self._settled.set_result(None)

    def _charge(self, reservation: Reservation, outcome: Outcome | None) -> Decimal | None:
        match outcome:
            case NotSent() | Throttled() | Rejected():
                return None
            case Done(cost=cost) | Mismatched(done=Done(cost=cost)):
                money = self._amount(cost)
                return reservation.money if money is None else money
            case _:
                return reservation.money

    def _over(self, wanted: Reservation, *tallies: _Tally) -> str:
        """A message that names the limit which one more call would exceed; "" if there is none."""
        budget, currency = self._budget, self._budget.currency
        images = sum(tally.images for tally in tallies)
        if budget.images is not None and images + 1 > budget.images:
            return f"{images} of {budget.images} images are made"
        money = sum((tally.money for tally in tallies), wanted.money)
        if budget.per_run is not None and money > budget.per_run:
            return f"this run would cost {Cost(money, currency)}, the limit is {Cost(budget.per_run, currency)}"
        if budget.left is not None and money > budget.left.amount:
            return f"this run would cost {Cost(money, currency)}, the limit is {budget.left.text}"
        of_asset = sum((tally.by_asset.get(wanted.asset, Decimal(0)) for tally in tallies), wanted.money)
        if budget.per_asset is not None and of_asset > budget.per_asset:
            return f"this asset would cost {Cost(of_asset, currency)}, the limit is {Cost(budget.per_asset, currency)}"
        return ""

    @property
    def _in_money(self) -> bool:
        return self._budget.in_money

    def _amount(self, cost: Cost | None) -> Decimal | None:
        return cost.amount if cost is not None and cost.currency == self._budget.currency else None


class Budgeted:
    """A Provider that sends nothing over the budget: such a request ends NotSent with Stop.OVER_BUDGET."""

    def __init__(self, inner: Provider, *, spending: Spending, estimate: Estimate) -> None:
        self._inner = inner
        self._spending = spending
        self._estimate = estimate

    async def generate(self, request: ImageRequest, *, on_response: OnResponse = ignore_response) -> Outcome:
        reservation = await self._spending.reserve(request.asset, self._estimate(request))
        if isinstance(reservation, NotSent):
            return reservation
        outcome: Outcome | None = None
        try:
            outcome = await self._inner.generate(request, on_response=on_response)
        finally:
            self._spending.settle(reservation, outcome)
        return outcome


def _held(why: str) -> NotSent:
    return NotSent(f"not sent: over budget: {why}", final=True, stop=Stop.OVER_BUDGET)
