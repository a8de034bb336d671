"""One lane in virtual time: who is sent when, and what stops it."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from itertools import pairwise

import pytest

from reconciler.core.errors import DiskError
from reconciler.core.events import Event, Requested
from reconciler.core.fit import Misfit
from reconciler.core.outcome import BadOutput, Done, InDoubt, Mismatched, NotSent, Outcome, Rejected, Stop, Throttled
from reconciler.core.ports import ImageRequest, OnResponse, Provider, ignore_response
from reconciler.engine.lane.build import paid
from tests.engine.clock import now, play
from tests.engine.paid import Scripted, World, Written, a_done, a_request, many

DOUBT = InDoubt("reset")


def stops(outcomes: list[Outcome]) -> list[Stop | None]:
    return [outcome.stop for outcome in outcomes if isinstance(outcome, Rejected | NotSent)]


def test_first_come_first_served_within_the_bound() -> None:
    world = World(Scripted(seconds=lambda asset: 1.0 + int(asset[1:]) % 3), concurrency=3)
    outcomes = play(world.make(*many(30)))
    assert all(isinstance(outcome, Done) for outcome in outcomes)
    assert world.inner.assets == many(30)
    assert world.inner.most == 3


def test_the_next_is_sent_while_an_answer_lands() -> None:
    world = World(Scripted(landing=0.5), concurrency=2)
    outcomes = play(world.make(*many(6)))
    assert all(isinstance(outcome, Done) for outcome in outcomes)
    assert world.inner.times == [0.0, 0.0, 1.0, 1.0, 2.0, 2.0]
    assert world.inner.most == 2


def test_answers_that_do_not_land_hold_the_lane() -> None:
    world = World(Scripted(landing=10.0), concurrency=2)
    play(world.make(*many(6)))
    assert world.inner.times == [0.0, 0.0, 1.0, 1.0, 11.0, 11.0], "with two in flight and two landing nothing is sent"


def test_what_a_landed_answer_says_is_learned_although_its_place_was_given_away() -> None:
    script = {asset: [BadOutput("html", None)] for asset in many(20)}
    world = World(Scripted(script, landing=0.1), concurrency=1)
    outcomes = play(world.make(*many(20)))
    assert len(world.inner.ledger) < 20
    assert Stop.BREAKER in stops(outcomes)


def test_a_call_that_is_cancelled_while_it_lands_leaves_its_place() -> None:
    world = World(Scripted(landing=100.0), concurrency=1)

    async def story() -> None:
        tasks = [asyncio.create_task(world.provider.generate(a_request(asset))) for asset in many(3)]
        await asyncio.sleep(3.0)
        tasks[0].cancel()
        await tasks[2]

    play(story())
    assert world.inner.ledger == [("i000", 0.0), ("i001", 1.0), ("i002", 3.0)]


def test_a_run_wraps_each_call_outside_the_queue_and_each_attempt_inside() -> None:
    world = World(Scripted({"hero": [Throttled("busy", 5.0)]}), concurrency=1)
    heard: list[tuple[str, float, int]] = []

    class Around:
        def __init__(self, inner: Provider, name: str) -> None:
            self._inner, self._name = inner, name

        async def generate(self, request: ImageRequest, *, on_response: OnResponse = ignore_response) -> Outcome:
            begun = sum(isinstance(event, Requested) for event in world.journal.events)
            heard.append((self._name, now(), begun))
            return await self._inner.generate(request, on_response=on_response)

    run = replace(
        world.run,
        around_call=lambda inner: Around(inner, "call"),
        around_attempt=lambda inner: Around(inner, "attempt"),
    )
    provider = paid(world.inner, lane=world.lane, run=run, estimate=lambda _: None)
    assert isinstance(play(provider.generate(a_request("hero"))), Done)
    assert [(name, begun) for name, _, begun in heard] == [("call", 0), ("attempt", 0), ("attempt", 1)]


def test_requests_per_minute() -> None:
    world = World(Scripted(seconds=lambda _: 0.5), concurrency=10, requests_per_minute=20)
    play(world.make(*many(10)))
    assert world.inner.times == [3.0 * number for number in range(10)]


def test_retry_after_holds_the_whole_lane() -> None:
    world = World(Scripted({"i000": [Throttled("busy", 45.0)]}), concurrency=1)
    outcomes = play(world.make(*many(3)))
    assert all(isinstance(outcome, Done) for outcome in outcomes)
    assert world.inner.ledger == [("i000", 0.0), ("i001", 46.0), ("i002", 47.0), ("i000", 48.0)]
    assert world.progress.notes[0] == "gravitex: rate limited, waiting 45 s: busy"


def test_after_throttled_the_lane_sends_half_as_many_at_once() -> None:
    world = World(Scripted({"i000": [Throttled("busy", 10.0)]}), concurrency=4)
    play(world.make(*many(20)))
    later = [time for time in world.inner.times if time >= 11.0]
    assert max(later.count(time) for time in later) == 2


def test_120_seconds_are_waited_and_more_parks_the_lane_with_the_time_to_come_back() -> None:
    world = World(Scripted({"i000": [Throttled("busy", 120.0)]}), concurrency=1)
    assert all(isinstance(outcome, Done) for outcome in play(world.make(*many(2))))

    world = World(Scripted({"i000": [Throttled("busy", 121.0)]}), concurrency=1)
    outcomes = play(world.make(*many(3)))
    assert stops(outcomes) == [Stop.PARKED] * 3
    assert world.inner.assets == ["i000"]
    assert all("2026-11-22T16:02:02Z" in outcome.message for outcome in outcomes)  # one second of call, 121 of wait
    assert not world.journal.in_doubt


def test_an_endless_retry_after_parks_like_a_long_one() -> None:
    world = World(Scripted({"i000": [Throttled("busy", float("inf"))]}), concurrency=1)
    assert stops(play(world.make(*many(2)))) == [Stop.PARKED] * 2


@pytest.mark.parametrize("stop", [Stop.OUT_OF_CREDIT, Stop.BAD_KEY])
def test_out_of_credit_or_a_bad_key_stops_the_lane_and_what_flies_lands(stop: Stop) -> None:
    world = World(Scripted({"i000": [Rejected("pay up", stop)]}, seconds=lambda _: 1.0), concurrency=2)
    outcomes = play(world.make(*many(5)))
    assert world.inner.assets == ["i000", "i001"]
    assert outcomes[0] == Rejected("pay up", stop)
    assert isinstance(outcomes[1], Done)
    assert stops(outcomes[2:]) == [stop] * 3
    assert "pay up" in outcomes[4].message
    begun = [event for event in world.journal.events if isinstance(event, Requested)]
    assert len(begun) == 2, "what was not sent is not in the journal"
    assert world.progress.notes == [f"gravitex: stopped: {stop.value}"]


def test_a_plain_rejection_stops_nothing() -> None:
    world = World(Scripted({"i000": [Rejected("bad size")]}), concurrency=1)
    assert isinstance(play(world.make(*many(2)))[1], Done)


def test_five_failures_in_a_row_pause_30_then_60_seconds_then_stop_the_lane() -> None:
    world = World(Scripted({asset: [DOUBT] for asset in many(20)}), concurrency=1)
    outcomes = play(world.make(*many(20)))
    # five calls of a second each, then a probe after 30 s, another after 60 s; the third opening is the end
    assert world.inner.times == [0.0, 1.0, 2.0, 3.0, 4.0, 35.0, 96.0]
    assert stops(outcomes) == [Stop.BREAKER] * 13
    assert "come back at 2026-11-22T16:03:37Z" in outcomes[-1].message  # 97 s and 120 s later
    assert [note.split(":")[1].strip() for note in world.progress.notes] == [
        "too many failures in a row; pausing 30 s",
        "too many failures in a row; pausing 60 s",
        "stopped",
    ]


OFFLINE = NotSent("https://x: cannot connect", unreachable=True)


@pytest.mark.parametrize("concurrency", [1, 4, 16])
def test_a_server_that_was_never_reached_is_tried_twice_and_stops_the_lane(concurrency: int) -> None:
    """Within seconds, with one message for all assets, and with nothing in doubt."""
    world = World(
        Scripted({asset: [OFFLINE] * 3 for asset in many(20)}, seconds=lambda _: 0.1), concurrency=concurrency
    )
    outcomes = play(world.make(*many(20)))
    assert stops(outcomes) == [Stop.UNREACHABLE] * 20
    assert {outcome.message for outcome in outcomes} == {"gravitex is unreachable: https://x: cannot connect"}
    assert world.inner.times[:concurrency] == [0.0] * concurrency
    assert len(world.inner.times) <= 2 * concurrency
    assert max(world.inner.times) <= 1.2
    assert world.progress.notes == []
    assert not world.journal.in_doubt


def test_a_server_that_is_reached_at_the_second_attempt_gets_all_requests() -> None:
    world = World(Scripted({asset: [OFFLINE] for asset in many(4)}), concurrency=4)
    outcomes = play(world.make(*many(10)))
    assert all(isinstance(outcome, Done) for outcome in outcomes)


def test_a_server_that_has_answered_is_waited_for() -> None:
    """A network that is gone for a while opens the circuit breaker, and ends no run."""
    script = {asset: [OFFLINE] for asset in many(8)[1:6]}
    world = World(Scripted(script), concurrency=1)
    outcomes = play(world.make(*many(8)))
    assert all(isinstance(outcome, Done) for outcome in outcomes)
    assert any("pausing 30 s" in note for note in world.progress.notes)


def test_a_good_probe_opens_the_lane_to_all_again() -> None:
    world = World(Scripted({asset: [BadOutput("html")] for asset in many(5)}), concurrency=5)
    play(world.make(*many(15)))
    assert world.inner.times == [0.0] * 5 + [31.0] + [32.0] * 5 + [33.0] * 4


def test_ctrl_c_once_sends_nothing_new_and_lands_what_flies() -> None:
    world = World(Scripted(seconds=lambda _: 10.0), concurrency=2)

    async def story() -> list[Outcome]:
        asyncio.get_running_loop().call_later(5.0, world.lane.drain)
        outcomes = await world.make(*many(4))
        assert now() == 10.0
        assert await world.make("late") == [NotSent("interrupted", final=True, stop=Stop.INTERRUPTED)]
        return outcomes

    outcomes = play(story())
    assert [type(outcome) for outcome in outcomes] == [Done, Done, NotSent, NotSent]
    assert stops(outcomes) == [Stop.INTERRUPTED] * 2
    assert world.inner.assets == ["i000", "i001"]
    assert not world.journal.in_doubt


def test_ctrl_c_ends_the_waits_for_a_retry_and_for_a_held_lane() -> None:
    world = World(Scripted({"i000": [Throttled("busy", 100.0)]}), concurrency=1)

    async def story() -> list[Outcome]:
        asyncio.get_running_loop().call_later(5.0, world.lane.drain)
        outcomes = await world.make(*many(3))
        assert now() == 5.0
        return outcomes

    assert stops(play(story())) == [Stop.INTERRUPTED] * 3
    assert world.inner.assets == ["i000"]


def test_a_cancelled_call_gives_its_place_back_and_a_cancelled_waiter_its_turn() -> None:
    world = World(Scripted(seconds=lambda _: 100.0), concurrency=1)

    async def story() -> None:
        tasks = [asyncio.create_task(world.provider.generate(a_request(asset))) for asset in many(3)]
        await asyncio.sleep(1.0)
        tasks[1].cancel()  # first at the door
        tasks[0].cancel()  # in flight
        assert isinstance(await tasks[2], Done)

    play(story())
    assert world.inner.ledger == [("i000", 0.0), ("i002", 1.0)]
    assert world.journal.in_doubt == {"a1"}


def test_who_waits_goes_when_the_call_in_flight_is_cancelled() -> None:
    world = World(Scripted(seconds=lambda _: 100.0), concurrency=1)

    async def story() -> None:
        tasks = [asyncio.create_task(world.provider.generate(a_request(asset))) for asset in many(2)]
        await asyncio.sleep(1.0)
        tasks[0].cancel()
        await tasks[1]
        assert tasks[0].cancelled()

    play(story())
    assert world.inner.ledger == [("i000", 0.0), ("i001", 1.0)]


def test_the_first_reason_to_stop_is_the_one_that_is_told() -> None:
    script: dict[str, list[Outcome]] = {
        "i000": [Rejected("pay up", Stop.OUT_OF_CREDIT)],
        "i001": [Throttled("", 999.0)],
    }
    world = World(Scripted(script, seconds=lambda asset: 1.0 + int(asset[1:])), concurrency=2)

    async def story() -> list[Outcome]:
        outcomes = await world.make(*many(2))
        world.lane.drain()
        return [*outcomes, *await world.make("late")]

    assert stops(play(story())) == [Stop.OUT_OF_CREDIT, Stop.PARKED, Stop.OUT_OF_CREDIT]
    assert len(world.progress.notes) == 1


class Full(Written):
    """A journal on a disk that fills up with the first end of an attempt."""

    def record(self, event: Event) -> None:
        if not isinstance(event, Requested):
            raise DiskError("no space left on device")
        super().record(event)


def test_after_an_error_of_the_disk_nothing_more_is_bought() -> None:
    world = World(Scripted(), concurrency=1, journal=Full())

    async def story() -> list[Outcome | BaseException]:
        calls = (world.provider.generate(a_request(asset)) for asset in many(3))
        return await asyncio.gather(*calls, return_exceptions=True)

    first, *others = play(story())
    assert isinstance(first, DiskError)
    assert [type(other) for other in others] == [NotSent, NotSent]
    assert world.inner.assets == ["i000"]


def test_no_two_requests_are_closer_than_the_pace_even_with_retries() -> None:
    scripts = {asset: [NotSent("dns")] for asset in many(4)}
    world = World(Scripted(scripts, seconds=lambda _: 0.1), concurrency=10, requests_per_minute=60)
    play(world.make(*many(8)))
    assert len(world.inner.times) == 12
    assert all(later - earlier >= 1.0 for earlier, later in pairwise(world.inner.times))


def misfit(fault: str = "not 16:9") -> Mismatched:
    return Mismatched("not it", Misfit(fault, "not it"), a_done())


@pytest.mark.parametrize("concurrency", [1, 2, 4, 8])
@pytest.mark.parametrize("landing", [0.0, 0.5, 5.0])
def test_the_same_mismatch_three_times_stops_the_model(concurrency: int, landing: float) -> None:
    world = World(Scripted({asset: [misfit()] for asset in many(30)}, landing=landing), concurrency=concurrency)
    outcomes = play(world.make(*many(30)))
    assert len(world.inner.ledger) <= max(3, 2 * concurrency), "three, or what was under way by then"
    assert set(stops(outcomes)) == {Stop.MISMATCHES}
    assert sum(isinstance(outcome, Mismatched) for outcome in outcomes) == len(world.inner.ledger)


def test_other_faults_are_counted_apart() -> None:
    world = World(Scripted({asset: [misfit(asset)] for asset in many(12)}), concurrency=2)
    assert all(isinstance(outcome, Mismatched) for outcome in play(world.make(*many(12))))


def test_a_suspect_whose_image_fits_is_sent_side_by_side_again() -> None:
    script = {asset: [misfit()] for asset in many(2)}
    world = World(Scripted(script), concurrency=2)
    outcomes = play(world.make(*many(8)))
    assert world.inner.times == [0.0, 0.0, 1.0, 2.0, 2.0, 3.0, 3.0, 4.0]
    assert sum(isinstance(outcome, Done) for outcome in outcomes) == 6


def test_a_limit_that_no_wait_ends_stops_the_lane_or_the_model_without_a_retry() -> None:
    for of_model in (True, False):
        later = Throttled("429", 32.0, "its limit is 0", of_model)
        world = World(Scripted({asset: [later] for asset in many(5)}), concurrency=1)
        outcomes = play(world.make(*many(5)))
        assert len(world.inner.ledger) == 1
        assert stops(outcomes) == [Stop.PARKED] * 5
        assert "its limit is 0" in str(outcomes[0])
