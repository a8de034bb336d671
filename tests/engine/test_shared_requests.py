"""One request for one recipe: other assets share its outcome, and other providers try only where that costs nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest

from reconciler.core.errors import DiskError
from reconciler.core.outcome import BadOutput, Done, InDoubt, NotSent, Outcome, Refused, Rejected, Throttled
from reconciler.core.ports import ImageRequest, OnResponse, ignore_response
from reconciler.core.traits import Traits
from reconciler.engine.shared_requests import SharedRequests
from tests.engine.clock import play
from tests.engine.paid import Scripted, a_done, a_request

TRAITS = {"one": Traits(), "other": Traits(), "draft": Traits(placeholder=True)}
HERO = a_request()


class Failing(Scripted):
    """Raises an error instead of giving an outcome."""

    def __init__(self, error: BaseException) -> None:
        super().__init__()
        self.error = error

    async def generate(self, request: ImageRequest, *, on_response: OnResponse = ignore_response) -> Outcome:
        await super().generate(request, on_response=on_response)
        raise self.error


def asked(providers: Mapping[str, Scripted], *names: str, alone: bool = False) -> list[Any]:
    """What callers get that ask these providers for one recipe at the same time."""

    async def story() -> list[Any]:
        shared = SharedRequests(providers, TRAITS)
        calls = [shared.generate(name, HERO, alone=alone) for name in names]
        return await asyncio.gather(*calls, return_exceptions=True)

    return play(story())


def test_assets_of_one_recipe_share_one_request() -> None:
    one = Scripted()
    assert asked({"one": one}, "one", "one", "one") == [(a_done(), True), (a_done(), False), (a_done(), False)]
    assert one.assets == ["hero"]


@pytest.mark.parametrize("outcome", [a_done(), Refused("no"), BadOutput("html"), InDoubt("reset")])
def test_another_provider_shares_an_outcome_that_may_have_cost_money(outcome: Outcome) -> None:
    one, other = Scripted({"hero": [outcome]}), Scripted()
    assert asked({"one": one, "other": other}, "one", "other") == [(outcome, True), (outcome, False)]
    assert other.assets == []


@pytest.mark.parametrize("outcome", [NotSent("dns"), Throttled("busy"), Rejected("bad size")])
def test_another_provider_tries_once_after_an_outcome_that_was_free(outcome: Outcome) -> None:
    one, other = Scripted({"hero": [outcome]}), Scripted()
    outcomes = asked({"one": one, "other": other}, "one", "one", "other", "other")
    assert outcomes == [(outcome, True), (outcome, False), (a_done(), True), (a_done(), False)]
    assert (len(one.ledger), other.ledger) == (1, [("hero", 1.0)])


def test_a_placeholder_is_not_shared_with_a_paid_image() -> None:
    one, draft = Scripted(), Scripted()
    assert asked({"one": one, "draft": draft}, "one", "draft") == [(a_done(), True)] * 2
    assert (one.assets, draft.assets) == (["hero"], ["hero"])


def test_a_request_of_its_own_neither_waits_nor_is_waited_for() -> None:
    one = Scripted()
    assert asked({"one": one}, "one", "one", alone=True) == [(a_done(), True)] * 2
    assert one.times == [0.0, 0.0]


@pytest.mark.parametrize("error", [DiskError("full"), asyncio.CancelledError()])
def test_an_error_ends_the_callers_that_share_the_request(error: BaseException) -> None:
    one = Failing(error)
    found = asked({"one": one}, "one", "one")
    assert [type(each) for each in found] == [type(error)] * 2
    assert one.assets == ["hero"]


def test_a_cancelled_caller_leaves_the_request_to_the_others() -> None:
    async def story() -> tuple[Outcome, bool]:
        shared = SharedRequests({"one": Scripted()}, TRAITS)
        first, second, third = (asyncio.create_task(shared.generate("one", HERO, alone=False)) for _ in range(3))
        asyncio.get_running_loop().call_later(0.5, second.cancel)
        await first
        return await third

    outcome, leader = play(story())
    assert isinstance(outcome, Done)
    assert not leader
