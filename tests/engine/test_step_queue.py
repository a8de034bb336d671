"""The order of steps: each after those that it waits for, few at a time, and all of them to the end."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from reconciler.core.digest import AssetId
from reconciler.core.plan.plan import AssetStep, Step
from reconciler.engine.shared_requests import sole_recipes
from reconciler.engine.step_queue import StepQueue
from tests.builders import PROVIDERS, a_spec, an_asset, planned

GRAPHS = st.lists(st.sets(st.integers(0, 30), max_size=3), min_size=1, max_size=12)
"""For each asset, numbers of earlier ones that it refers to."""


def steps_of(graph: list[set[int]]) -> list[Step]:
    names = sorted(PROVIDERS)
    specs = [
        a_spec(
            f"a{number:02}",
            prompt=f"asset {number}",
            references=tuple(an_asset(f"a{up % number:02}") for up in sorted(ups)) if number else (),
            provider=names[number % len(names)],
        )
        for number, ups in enumerate(graph)
    ]
    return list(planned(specs).steps)


class Ran:
    """Steps that take several turns of the loop. Those of `broken` raise an error."""

    def __init__(self, *broken: str) -> None:
        self.broken = broken
        self.ended: list[AssetId] = []
        self.at_once: Counter[str] = Counter()
        self.most: Counter[str] = Counter()

    async def __call__(self, step: Step) -> None:
        assert isinstance(step, AssetStep)
        lane = step.spec.provider
        self.at_once[lane] += 1
        self.most[lane] = max(self.most[lane], self.at_once[lane])
        assert {up for up in step.spec.upstreams() if up not in self.ended} == set(), "it waits for these"
        await asyncio.sleep(0)
        self.at_once[lane] -= 1
        self.ended.append(step.asset)
        if step.asset in self.broken:
            raise ValueError(step.asset)


@examples(max_examples=100, deadline=None)
@given(GRAPHS, st.integers(1, 4), st.randoms())
def test_every_step_runs_once_after_those_it_waits_for_in_whatever_order_they_come(
    graph: list[set[int]], most: int, chance: object
) -> None:
    steps, ran = steps_of(graph), Ran()
    chance.shuffle(steps)  # type: ignore[attr-defined]  # a random.Random
    asyncio.run(StepQueue(steps, ran, most=most).run())
    assert sorted(ran.ended) == sorted(step.asset for step in steps)
    assert max(ran.most.values()) <= most


def test_steps_of_one_provider_start_in_their_order_and_wait_for_no_other_provider() -> None:
    steps = [step for step in steps_of([set()] * 8) if isinstance(step, AssetStep)]
    slow = steps[0].spec.provider
    quick = [step.asset for step in steps if step.spec.provider != slow]
    order, released = list[AssetId](), asyncio.Event()

    async def carry_out(step: Step) -> None:
        if step.asset not in quick:
            await released.wait()
        order.append(step.asset)
        if len(order) == len(quick):
            released.set()

    asyncio.run(StepQueue(steps, carry_out, most=1).run())
    assert sorted(order[: len(quick)]) == quick
    assert order[len(quick) :] == [step.asset for step in steps if step.asset not in quick]


def test_an_error_of_a_step_is_raised_once_all_others_have_ended() -> None:
    steps, ran = steps_of([set(), {0}, {1}, set()]), Ran("a01")
    with pytest.raises(ValueError, match="a01"):
        asyncio.run(StepQueue(steps, ran, most=1).run())
    assert len(ran.ended) == 4


def test_a_cancelled_run_waits_for_what_it_has_started_and_starts_nothing_else() -> None:
    begun, ended = list[str](), list[str]()

    async def carry_out(step: Step) -> None:
        begun.append(step.asset)
        try:
            await asyncio.sleep(60)
        finally:
            await asyncio.sleep(0)
            ended.append(step.asset)

    async def story() -> None:
        run = asyncio.create_task(StepQueue(steps_of([set(), {0}, set(), set()]), carry_out, most=1).run())
        await asyncio.sleep(0.01)
        run.cancel()
        with pytest.raises(asyncio.CancelledError):
            await run
        assert begun
        assert sorted(ended) == sorted(begun)
        await asyncio.sleep(0)
        assert len(begun) < 4
        assert "a01" not in begun

    asyncio.run(story())


def test_a_recipe_is_sole_if_one_step_wants_it_and_no_recipe_is_unknown() -> None:
    one, other, same = a_spec("a", prompt="one"), a_spec("b", prompt="two"), a_spec("c", prompt="two")
    keys = {step.asset: getattr(step.action, "key", None) for step in planned([one, other, same]).steps}
    assert sole_recipes(planned([one, other, same]).steps) == {keys[AssetId("a")]}
    unknown = a_spec("d", prompt="three", references=(an_asset("a"),))
    assert sole_recipes(planned([one, unknown]).steps) == frozenset()
