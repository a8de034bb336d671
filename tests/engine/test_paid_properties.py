"""What holds for every sequence of outcomes, whatever the limits."""

from __future__ import annotations

import asyncio
from collections import Counter
from decimal import Decimal
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.core.events import Ended, Requested, Stored
from reconciler.core.fit import Misfit
from reconciler.core.outcome import (
    BadOutput,
    Done,
    InDoubt,
    Mismatched,
    NotSent,
    Outcome,
    Refused,
    Rejected,
    Stop,
    Throttled,
)
from reconciler.core.specs.settings import Budget
from tests.engine.clock import now, play
from tests.engine.paid import PRICE, Scripted, World, a_done, a_request, a_spooled, many

ASSETS = many(12)
FREE = NotSent | Throttled | Rejected

outcomes = st.one_of(
    st.just(a_done()),
    st.builds(lambda fault: Mismatched("not it", Misfit(fault, "not it"), a_done()), st.sampled_from("ab")),
    st.builds(NotSent, st.just("dns"), st.booleans()),
    st.builds(Throttled, st.just("busy"), st.sampled_from([None, 0.0, 3.0, 90.0, 121.0, float("inf"), float("nan")])),
    st.builds(Rejected, st.just("bad size"), st.sampled_from([None, None, None, Stop.OUT_OF_CREDIT])),
    st.just(Refused("no")),
    st.sampled_from([BadOutput("html"), BadOutput("cut", a_spooled("rubbish"))]),
    st.just(InDoubt("reset")),
)


@st.composite
def worlds(draw: st.DrawFn) -> World:
    seconds = draw(st.lists(st.sampled_from([0.0, 0.5, 1.0, 40.0]), min_size=len(ASSETS), max_size=len(ASSETS)))
    return World(
        Scripted(
            {asset: draw(st.lists(outcomes, max_size=4)) for asset in ASSETS},
            seconds=lambda asset: seconds[int(asset[1:])],
        ),
        concurrency=draw(st.integers(1, 6)),
        requests_per_minute=draw(st.sampled_from([0, 10, 60])),
        budget=Budget(
            per_run=draw(st.sampled_from([None, Decimal("0.05"), Decimal("0.30"), Decimal("0.95")])),
            images=draw(st.sampled_from([None, 0, 4])),
        ),
        jitter=draw(st.floats(0, 1)),
    )


@st.composite
def interruptions(draw: st.DrawFn) -> tuple[float | None, dict[str, float]]:
    """When Ctrl-C comes, and which calls are cancelled when."""
    times = st.floats(0, 100)
    return draw(st.none() | times), draw(st.dictionaries(st.sampled_from(ASSETS), times, max_size=3))


async def story(world: World, drain_at: float | None, cancel_at: dict[str, float]) -> list[Outcome | BaseException]:
    loop = asyncio.get_running_loop()
    tasks = {asset: asyncio.create_task(world.provider.generate(a_request(asset))) for asset in ASSETS}
    if drain_at is not None:
        loop.call_at(drain_at, world.lane.drain)
    for asset, moment in cancel_at.items():
        loop.call_at(moment, tasks[asset].cancel)
    return list(await asyncio.gather(*tasks.values(), return_exceptions=True))


@settings(max_examples=50)
@given(worlds(), interruptions())
def test_money_is_safe_whatever_happens(world: World, interruption: tuple[float | None, dict[str, float]]) -> None:
    drain_at, cancel_at = interruption
    seen = play(story(world, drain_at, cancel_at))
    assert len(seen) == len(ASSETS), "everything ends"
    assert all(not isinstance(one, Exception) for one in seen)
    the_journal_is_well_formed(world)
    nobody_is_asked_too_often(world)
    limits_hold(world, drain_at)


def the_journal_is_well_formed(world: World) -> None:
    begun, ended = Counter[str](), Counter[str]()
    for event in world.journal.events:
        match event:
            case Requested():
                begun[event.attempt] += 1
            case Ended() | Stored():
                ended[event.attempt] += 1
                assert begun[event.attempt] == 1, "no end before the beginning"
    assert set(begun.values()) <= {1}
    assert set(ended.values()) <= {1}
    assert begun.total() == len(world.inner.ledger), "every request, and nothing else, is in the journal"
    wrong = sum(isinstance(outcome, Mismatched) for _, outcome in world.inner.given)
    told = [event for event in world.journal.events if isinstance(event, Ended) and event.outcome == "Mismatched"]
    assert len(told) == wrong
    assert all(event.kept is not None and world.store.find(event.kept) for event in told)
    done = sum(isinstance(outcome, Done) for _, outcome in world.inner.given)
    assert sum(isinstance(event, Stored) for event in world.journal.events) == done
    doubtful = sum(isinstance(outcome, InDoubt) for _, outcome in world.inner.given)
    cut_off = len(world.inner.ledger) - len(world.inner.given)
    assert len(world.journal.in_doubt) == doubtful + cut_off
    kept = [outcome.kept for _, outcome in world.inner.given if isinstance(outcome, BadOutput) and outcome.kept]
    assert all(world.store.find(spooled.content) for spooled in kept)


def nobody_is_asked_too_often(world: World) -> None:
    sent = Counter(world.inner.assets)
    assert max(sent.values(), default=0) <= 3
    retries = len(world.inner.ledger) - len(sent)
    assert world.run.retries.requests <= len(sent), "what the lane held back was no request"
    assert retries <= max(5, len(sent) // 10)
    for asset in ASSETS:
        answers = [outcome for given_to, outcome in world.inner.given if given_to == asset]
        for earlier in answers[:-1]:
            assert isinstance(earlier, Throttled) or earlier == NotSent("dns"), "asked again after this"


def limits_hold(world: World, drain_at: float | None) -> None:
    assert world.inner.most <= world.concurrency
    if world.requests_per_minute:
        gap = 60.0 / world.requests_per_minute - 1e-6
        assert all(later - earlier >= gap for earlier, later in pairwise(world.inner.times))
    if drain_at is not None:
        assert all(time <= drain_at for time in world.inner.times)
    maybe_charged = len(world.inner.ledger) - sum(isinstance(outcome, FREE) for _, outcome in world.inner.given)
    if world.budget.per_run is not None:
        assert maybe_charged * PRICE.amount <= world.spending.spent.amount <= world.budget.per_run
    if world.budget.images is not None:
        assert maybe_charged <= world.spending.images <= world.budget.images


def test_the_virtual_clock_waits_for_nothing() -> None:
    async def long() -> float:
        await asyncio.sleep(1e6)
        return now()

    assert play(long()) == 1e6
