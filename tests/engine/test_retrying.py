"""Who is asked again, how often, and after how long."""

from __future__ import annotations

import pytest

from reconciler.core.outcome import BadOutput, Done, InDoubt, NotSent, Outcome, Refused, Rejected, Throttled
from reconciler.engine.lane.retrying import Retries, backoff
from tests.engine.clock import play
from tests.engine.paid import Scripted, World, a_done, many


def generated(*script: Outcome, jitter: float = 1.0) -> tuple[World, Outcome]:
    world = World(Scripted({"hero": script}, seconds=lambda _: 0.0), jitter=jitter)
    return world, play(world.make("hero"))[0]


@pytest.mark.parametrize(
    "outcome",
    [
        NotSent("certificate", final=True),
        Rejected("bad size"),
        Refused("no"),
        BadOutput("html"),
        InDoubt("reset"),
        a_done("hero"),
    ],
)
def test_what_is_paid_for_or_hopeless_is_never_asked_again(outcome: Outcome) -> None:
    world, seen = generated(outcome)
    assert type(seen) is type(outcome)
    assert world.inner.assets == ["hero"]


@pytest.mark.parametrize("outcome", [NotSent("dns"), Throttled("busy")])
def test_what_was_not_charged_is_asked_three_times_at_most(outcome: Outcome) -> None:
    world, seen = generated(outcome, a_done())
    assert isinstance(seen, Done)
    world, seen = generated(*[outcome] * 3)
    assert seen == outcome
    assert world.inner.assets == ["hero"] * 3
    assert world.progress.notes == [
        f"retrying in 1 s (attempt 2 of 3): {outcome.message}",
        f"retrying in 2 s (attempt 3 of 3): {outcome.message}",
    ]


def test_a_retry_that_ends_in_doubt_is_the_end() -> None:
    world, seen = generated(Throttled("busy"), InDoubt("reset"))
    assert seen == InDoubt("reset")
    assert len(world.journal.in_doubt) == 1


def test_full_jitter() -> None:
    assert [backoff(retry, 1.0) for retry in range(8)] == [1, 2, 4, 8, 16, 32, 60, 60]
    assert [backoff(2, jitter) for jitter in (0.0, 0.25, 0.5)] == [0.0, 1.0, 2.0]
    world, _ = generated(NotSent("dns"), NotSent("dns"), jitter=0.5)
    assert world.inner.times == [0.0, 0.5, 1.5]


def test_retry_after_is_the_minimum() -> None:
    world, _ = generated(Throttled("busy", 7.0), Throttled("busy", 0.5))
    assert world.inner.times == [0.0, 7.0, 9.0]


def test_over_a_run_one_retry_per_ten_requests_and_at_least_five() -> None:
    retries = Retries()
    assert [retries.take() for _ in range(6)] == [True] * 5 + [False]
    retries.requests = 59
    assert not retries.take()
    retries.requests = 60
    assert [retries.take(), retries.take()] == [True, False]


@pytest.mark.parametrize(
    "outcome", [a_done("hero"), NotSent("tls", final=True), Rejected("bad size"), InDoubt("reset")]
)
def test_each_request_that_was_tried_counts_towards_the_retries(outcome: Outcome) -> None:
    world, _ = generated(outcome)
    assert world.run.retries.requests == 1


def test_a_request_that_the_lane_holds_back_does_not_count_towards_the_retries() -> None:
    world = World(Scripted())
    world.lane.drain()
    assert isinstance(play(world.make("hero"))[0], NotSent)
    assert world.run.retries.requests == 0


def test_an_outage_does_not_multiply_what_is_sent() -> None:
    # every third request fails once, so the breaker stays closed; without the limit, all hundred would be asked again
    scripts = {asset: [NotSent("dns")] for asset in many(300)[::3]}
    world = World(Scripted(scripts, seconds=lambda _: 1.0), concurrency=1)
    outcomes = play(world.make(*many(300)))
    assert len(world.inner.assets) - 300 == 29, "the last failure came when 298 were sent"
    assert sum(isinstance(outcome, NotSent) for outcome in outcomes) == 71
    assert any("retries are used up" in note for note in world.progress.notes)
