"""Concurrency, pace and breaker as pure values."""

from __future__ import annotations

import pytest

from reconciler.core.outcome import BadOutput, InDoubt, NotSent, Outcome, Refused, Rejected, Stop, Throttled
from reconciler.core.value import replace
from reconciler.engine.lane.limits import Limits, limits
from tests.engine.paid import a_done

THROTTLED = Throttled("slow down")
DOUBT = InDoubt("reset")
DONE = a_done()


def after(state: Limits, *outcomes: Outcome, now: float = 0.0) -> Limits:
    """One after the other: sent, landed."""
    for outcome in outcomes:
        permit = state.permit()
        state = state.sent(now).landed(permit, outcome, now)
    return state


def test_concurrency_starts_at_the_bound_halves_on_throttled_and_never_reaches_zero() -> None:
    state = limits(9, 0)
    seen = [state.concurrency]
    for _ in range(5):
        state = after(state, THROTTLED, DONE)  # Done keeps the breaker out of it
        seen.append(state.concurrency)
    assert seen == [9, 4, 2, 1, 1, 1]


def test_concurrency_grows_by_one_per_20_done_up_to_the_bound() -> None:
    state = after(limits(4, 0), *[DONE] * 19, THROTTLED)
    assert state.concurrency == 2
    assert after(state, *[DONE] * 19).concurrency == 2, "what was done before the halving does not count"
    assert after(state, *[DONE] * 20).concurrency == 3
    assert after(state, *[DONE] * 39, DOUBT, DONE).concurrency == 4, "a failure in between does not reset the count"
    assert after(state, *[DONE] * 400).concurrency == 4


def test_nothing_is_sent_over_the_concurrency() -> None:
    state = limits(2, 0).sent(0)
    assert state.ready_at() is not None
    assert state.sent(0).ready_at() is None


def test_an_answer_that_came_frees_its_place_up_to_twice_the_bound() -> None:
    response_complete = replace(limits(1, 0).permit(), response_complete=True)
    one = limits(1, 0).sent(0).response_complete()
    assert one.ready_at() is not None
    two = one.sent(1.0).response_complete()
    assert (two.in_flight, two.landing, two.ready_at()) == (0, 2, None)
    assert two.landed(response_complete, DONE, 2.0).ready_at() is not None
    assert two.abandoned(response_complete).ready_at() is not None


@pytest.mark.parametrize("failure", [NotSent("dns"), NotSent("tls", final=True), THROTTLED, DOUBT, BadOutput("html")])
def test_five_failures_in_a_row_open_the_breaker(failure: Outcome) -> None:
    assert after(limits(4, 0), *[failure] * 4).breaker.open_until is None
    assert after(limits(4, 0), *[failure] * 5, now=7.0).breaker.open_until == 37.0


@pytest.mark.parametrize("answer", [DONE, Rejected("400"), Refused("no")])
def test_an_answer_of_a_working_provider_ends_the_row(answer: Outcome) -> None:
    state = after(limits(4, 0), *[DOUBT] * 4, answer, *[DOUBT] * 4)
    assert state.breaker.open_until is None
    assert after(state, DOUBT).breaker.open_until is not None


def test_a_claimed_request_says_nothing_about_the_provider() -> None:
    claimed = NotSent("claimed", final=True, stop=Stop.CLAIMED)
    assert after(limits(4, 0), *[claimed] * 9).breaker.open_until is None
    assert after(limits(4, 0), *[DOUBT] * 4, claimed, DOUBT).breaker.open_until is not None, "it ends no row"
    state = after(limits(4, 0), *[DOUBT] * 5)
    permit, probing = state.permit(), state.sent(30.0)
    assert probing.landed(permit, claimed, 31.0).ready_at() == 30.0, "it was no probe"


def test_a_half_open_breaker_lets_one_probe_through_and_its_answer_closes_it() -> None:
    state = after(limits(4, 0), *[DOUBT] * 5)
    assert state.ready_at() == 30.0
    permit = state.permit()
    probing = state.sent(30.0)
    assert probing.ready_at() is None, "three places are free, but the probe is in flight"
    assert probing.landed(permit, DONE, 31.0).breaker.open_until is None
    assert probing.abandoned(permit).ready_at() == 30.0, "a cancelled probe decides nothing: another may go"


def test_the_breaker_opens_for_30_60_and_120_seconds_and_the_third_opening_is_the_last() -> None:
    state = after(limits(4, 0), *[DOUBT] * 5)
    assert (state.breaker.open_until, state.breaker.exhausted) == (30.0, False)
    state = after(state, DOUBT, now=30.0)
    assert (state.breaker.open_until, state.breaker.exhausted) == (90.0, False), "one failed probe opens it again"
    state = after(state, DONE, *[DOUBT] * 4, now=90.0)
    assert state.breaker.open_until is None, "closed by its probe, it takes five again"
    state = after(state, DOUBT, now=100.0)
    assert (state.breaker.open_until, state.breaker.exhausted) == (220.0, True)


def test_what_was_sent_before_the_breaker_opened_says_nothing_new() -> None:
    state = limits(8, 0)
    late = state.permit()
    state = after(state.sent(0).sent(0), *[DOUBT] * 5)
    still_open = state.landed(late, DONE, 1.0).landed(late, DOUBT, 2.0)
    assert still_open.breaker == state.breaker
    assert still_open.in_flight == 0


def test_requests_per_minute_is_an_even_pace() -> None:
    state, times, now = limits(100, 30), [], 0.0
    for _ in range(60):
        ready = state.ready_at()
        assert ready is not None
        now = max(now, ready)
        times.append(now)
        state = state.sent(now)
    assert times == [2.0 * number for number in range(60)]


@pytest.mark.parametrize(("retry_after", "ready"), [(7.0, 7.0), (None, 0.0), (-3.0, 0.0), (float("nan"), 0.0)])
def test_retry_after_holds_the_lane_and_garbage_is_ignored(retry_after: float | None, ready: float) -> None:
    assert after(limits(4, 0), Throttled("", retry_after)).ready_at() == ready


def test_a_shorter_retry_after_does_not_shorten_the_hold() -> None:
    assert after(limits(4, 0), Throttled("", 60.0), Throttled("", 1.0)).ready_at() == 60.0
