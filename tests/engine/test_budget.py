"""Money and images: reserved before the call, settled after it."""

from __future__ import annotations

import asyncio
from decimal import Decimal

import pytest

from reconciler.core.digest import AssetId
from reconciler.core.money.cost import Cost
from reconciler.core.outcome import BadOutput, Done, InDoubt, NotSent, Outcome, Refused, Rejected, Stop, Throttled
from reconciler.core.specs.settings import Budget
from reconciler.engine.lane.budget import Budgeted, Spending, Unpriced
from tests.engine.clock import now, play
from tests.engine.paid import PRICE, Scripted, World, a_done, a_request, many

PER_RUN = Budget(per_run=Decimal("0.30"))


def held(outcome: Outcome) -> bool:
    return isinstance(outcome, NotSent) and outcome.final and outcome.stop is Stop.OVER_BUDGET


def test_over_the_budget_nothing_is_sent() -> None:
    world = World(Scripted(), budget=PER_RUN)
    outcomes = play(world.make(*many(5)))
    assert [held(outcome) for outcome in outcomes] == [False] * 3 + [True] * 2
    assert world.inner.assets == many(3)
    assert outcomes[3] == NotSent(
        "not sent: over budget: this run would cost 0.4 USD, the limit is 0.3 USD", final=True, stop=Stop.OVER_BUDGET
    )
    assert world.spending.spent == Cost(Decimal("0.30"))


@pytest.mark.parametrize(
    ("outcome", "charged"),
    [
        (a_done(), True),
        (InDoubt("reset"), True),
        (Refused("no"), True),
        (BadOutput("html"), True),
        (Rejected("bad size"), False),
        (NotSent("tls", final=True), False),
        (Throttled("busy", 0.0), False),
    ],
)
def test_what_may_have_been_charged_counts_as_spent(outcome: Outcome, charged: bool) -> None:
    world = World(Scripted({"hero": [outcome] * 3}), budget=Budget(per_run=Decimal("0.10"), images=1))
    play(world.make("hero"))
    assert (world.spending.spent.amount > 0, world.spending.images) == (charged, int(charged))
    assert held(play(world.make("next"))[0]) is charged


def test_who_could_still_be_paid_for_waits_for_what_is_in_flight() -> None:
    script: dict[str, list[Outcome]] = {"i000": [Rejected("bad size")], "i001": [InDoubt("reset")]}
    world = World(Scripted(script, seconds=lambda asset: 5.0 + int(asset[1:])), budget=PER_RUN)

    async def story() -> list[Outcome]:
        outcomes = await world.make(*many(5))
        assert now() == 5.0 + 8.0  # the fourth went when the first turned out free
        return outcomes

    outcomes = play(story())
    assert [type(outcome) for outcome in outcomes] == [Rejected, InDoubt, Done, Done, NotSent]
    assert held(outcomes[4])


def test_per_asset_counts_all_calls_for_it() -> None:
    world = World(Scripted(), budget=Budget(per_asset=Decimal("0.25")))
    outcomes = play(world.make("hero", "hero", "hero", "card"))
    assert [held(outcome) for outcome in outcomes] == [False, False, True, False]
    assert "this asset would cost 0.3 USD" in outcomes[2].message


def test_images() -> None:
    world = World(Scripted(), budget=Budget(images=2), price=lambda _: None)
    outcomes = play(world.make(*many(3)))
    assert [held(outcome) for outcome in outcomes] == [False, False, True]
    assert "2 of 2 images" in outcomes[2].message


@pytest.mark.parametrize("budget", [PER_RUN, Budget(per_asset=Decimal("0.25"))])
@pytest.mark.parametrize("price", [None, Cost(Decimal("0.01"), "EUR")])
def test_an_unknown_price_under_a_limit_in_money_is_held_unless_a_person_allowed_it(
    price: Cost | None, budget: Budget
) -> None:
    world = World(Scripted(), budget=budget, price=lambda _: price)
    assert held(play(world.make("hero"))[0])
    assert not world.inner.assets

    world = World(Scripted(), budget=budget, price=lambda _: price, unpriced=Unpriced.COUNT)
    assert isinstance(play(world.make("hero"))[0], Done)
    assert (world.spending.spent.amount, world.spending.images) == (Decimal(0), 1)


def test_the_price_that_an_answer_names_is_what_counts() -> None:
    world = World(Scripted({"i000": [a_done(cost=Cost(Decimal("0.25")))]}), budget=PER_RUN, concurrency=1)

    async def story() -> list[Outcome]:
        return [*await world.make("i000"), *await world.make("i001")]

    assert [held(outcome) for outcome in play(story())] == [False, True]
    assert world.spending.spent.amount == Decimal("0.25")


def test_what_earlier_runs_left_in_doubt_is_spent() -> None:
    spending = Spending(PER_RUN, already=[(AssetId("old"), PRICE), (AssetId("older"), PRICE), (AssetId("free"), None)])
    inner = Scripted()
    provider = Budgeted(inner, spending=spending, estimate=lambda _: PRICE)

    async def story() -> list[Outcome]:
        return [await provider.generate(a_request(asset)) for asset in many(2)]

    assert [held(outcome) for outcome in play(story())] == [False, True]
    assert spending.images == 4


def test_a_call_that_was_cut_off_may_have_been_charged() -> None:
    world = World(Scripted(), budget=PER_RUN)

    async def story() -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(world.provider.generate(a_request()), 0.5)

    play(story())
    assert world.spending.spent == PRICE


def test_one_budget_for_all_lanes() -> None:
    spending = Spending(PER_RUN)
    inners = [Scripted(), Scripted()]
    providers = [Budgeted(inner, spending=spending, estimate=lambda _: PRICE) for inner in inners]

    async def story() -> list[Outcome]:
        calls = (provider.generate(a_request(asset)) for asset in many(3) for provider in providers)
        return await asyncio.gather(*calls)

    assert sum(held(outcome) for outcome in play(story())) == 3
    assert sum(len(inner.assets) for inner in inners) == 3
