"""The journal around one attempt, on a real loop with real threads where the order in time matters."""

from __future__ import annotations

import asyncio
import threading
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from reconciler.core.errors import DiskError, Unsent
from reconciler.core.events import Ended, Event, Requested, Stored
from reconciler.core.money.cost import FREE
from reconciler.core.outcome import BadOutput, Done, InDoubt, NotSent, Outcome, Refused, Rejected, Spooled, Throttled
from reconciler.core.ports import ImageRequest, OnResponse, Provider, StoredImage, ignore_response
from reconciler.engine.clock import stamp
from reconciler.engine.lane.recorded import Recorded
from tests.engine.clock import START, play
from tests.engine.paid import PRICE, MovingStore, Scripted, Written, a_done, a_request, a_spooled


def recorded(inner: Provider, store: MovingStore, journal: Written) -> Recorded:
    return Recorded(
        inner,
        provider="gravitex",
        store=store,
        journal=journal,
        estimate=lambda _: PRICE,
        new_attempt=lambda: "a1",
        utc=lambda: START,
    )


def record(outcome: Outcome) -> tuple[Outcome, list[Event], MovingStore]:
    store, journal = MovingStore(), Written()
    seen = play(recorded(Scripted({"hero": [outcome]}), store, journal).generate(a_request()))
    return seen, journal.events, store


def test_done_is_requested_then_in_the_store_then_stored() -> None:
    seen, events, store = record(a_done())
    request, content = a_request(), a_done().spooled.content
    begin, end = events
    assert begin == Requested("a1", request.asset, request.key, "gravitex", "0.1 USD", "2026-11-22T16:00:00Z")
    assert isinstance(end, Stored)
    assert (end.attempt, end.key, end.content) == ("a1", request.key, content)
    assert (end.made.model, end.made.request, end.made.cost) == ("m-1", "req-1", "0.1 USD")
    assert [stored.content for stored in store.recall(request.key)] == [content]
    assert isinstance(seen, Done)
    assert seen.spooled.path == store.find(content), "the outcome names the file where it is now"


def test_the_price_that_the_answer_names_is_the_one_that_is_kept() -> None:
    _, events, _ = record(a_done(cost=FREE))
    assert isinstance(events[1], Stored)
    assert events[1].made.cost == "0 USD"


@pytest.mark.parametrize(
    "outcome",
    [NotSent("dns"), Throttled("busy"), Rejected("bad size"), Refused("no"), BadOutput("html")],
)
def test_every_other_definite_outcome_ends_the_attempt(outcome: Outcome) -> None:
    seen, events, store = record(outcome)
    assert seen == outcome
    assert events[1:] == [Ended("a1", a_request().asset, type(outcome).__name__, outcome.message)]
    assert not store.objects


def test_bytes_that_fail_a_check_are_kept() -> None:
    kept = a_spooled("rubbish")
    seen, events, store = record(BadOutput("cut short", kept))
    assert events[1:] == [Ended("a1", a_request().asset, "BadOutput", "cut short", kept.content)]
    assert isinstance(seen, BadOutput)
    assert seen.kept is not None
    assert seen.kept.path == store.find(kept.content)
    assert not store.recipes, "rubbish answers no recipe"


def test_in_doubt_has_no_end() -> None:
    seen, events, _ = record(InDoubt("reset"))
    assert seen == InDoubt("reset")
    assert [type(event) for event in events] == [Requested]


class Faulty:
    async def generate(self, request: ImageRequest, *, on_response: OnResponse = ignore_response) -> Outcome:
        raise ZeroDivisionError


def test_an_error_of_ours_leaves_it_in_doubt() -> None:
    journal = Written()
    with pytest.raises(ZeroDivisionError):
        play(recorded(Faulty(), MovingStore(), journal).generate(a_request()))
    assert journal.in_doubt == {"a1"}


def test_cancelled_in_flight_it_is_in_doubt() -> None:
    journal = Written()

    async def story() -> None:
        await asyncio.wait_for(recorded(Scripted(), MovingStore(), journal).generate(a_request()), 0.5)

    with pytest.raises(TimeoutError):
        play(story())
    assert journal.in_doubt == {"a1"}


class Gated(Written):
    """A journal whose disk is slow at one kind of event: it says when it has begun, and waits to be let go."""

    def __init__(self, kind: type[Event]) -> None:
        super().__init__()
        self.kind = kind
        self.begun = threading.Event()
        self.go = threading.Event()

    def record(self, event: Event) -> None:
        if type(event) is self.kind:
            self.begun.set()
            assert self.go.wait(10)
        super().record(event)


class Instant:
    def __init__(self) -> None:
        self.asked = 0

    async def generate(self, request: ImageRequest, *, on_response: OnResponse = ignore_response) -> Outcome:
        self.asked += 1
        return a_done()


def cancelled_while_writing(kind: type[Event]) -> tuple[Gated, Instant]:
    """Cancel twice while the journal writes: an impatient person."""
    journal, inner = Gated(kind), Instant()

    async def story() -> None:
        task = asyncio.create_task(recorded(inner, MovingStore(), journal).generate(a_request()))
        await asyncio.to_thread(journal.begun.wait, 10)
        for _ in range(2):
            task.cancel()
            await asyncio.sleep(0)
        assert not task.done()
        journal.go.set()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(story())
    return journal, inner


def test_cancelled_after_the_answer_it_is_recorded_to_the_end() -> None:
    journal, _ = cancelled_while_writing(Stored)
    assert [type(event) for event in journal.events] == [Requested, Stored]


def test_cancelled_before_it_was_sent_it_is_not_in_doubt() -> None:
    journal, inner = cancelled_while_writing(Requested)
    assert inner.asked == 0
    assert [type(event) for event in journal.events] == [Requested, Ended]
    assert not journal.in_doubt


def test_nothing_is_sent_before_the_request_is_durable() -> None:
    journal, inner = Gated(Requested), Instant()

    async def story() -> None:
        task = asyncio.create_task(recorded(inner, MovingStore(), journal).generate(a_request()))
        await asyncio.to_thread(journal.begun.wait, 10)
        assert inner.asked == 0
        journal.go.set()
        await task

    asyncio.run(story())
    assert inner.asked == 1


class BrokenJournal(Written):
    def record(self, event: Event) -> None:
        raise DiskError("input/output error")


def test_what_cannot_be_recorded_is_not_sent() -> None:
    inner = Instant()
    with pytest.raises(DiskError):
        play(recorded(inner, MovingStore(), BrokenJournal()).generate(a_request()))
    assert inner.asked == 0


class Refusing:
    """A provider of which our own disk refuses something, before or after the request was sent."""

    def __init__(self, error: DiskError) -> None:
        self.error = error

    async def generate(self, request: ImageRequest, *, on_response: OnResponse = ignore_response) -> Outcome:
        raise self.error


def test_what_our_disk_refused_before_it_was_sent_is_not_in_doubt() -> None:
    journal = Written()
    with pytest.raises(Unsent, match="no space"):
        play(recorded(Refusing(Unsent("no space")), MovingStore(), journal).generate(a_request()))
    assert journal.in_doubt == set()
    assert [event.outcome for event in journal.events if isinstance(event, Ended)] == ["NotSent"]


def test_what_our_disk_refused_after_it_was_sent_is_in_doubt_and_said_to_be() -> None:
    journal = Written()
    with pytest.raises(DiskError, match="no space; in doubt") as caught:
        play(recorded(Refusing(DiskError("no space", hint="free some")), MovingStore(), journal).generate(a_request()))
    assert caught.value.hint == "free some"
    assert journal.in_doubt == {"a1"}


class FullStore(MovingStore):
    """Takes nothing, and says so as the real one does."""

    def put(self, spooled: Spooled) -> Path:
        raise DiskError("no space left on device; the paid bytes are in /elsewhere", hint="free some")


class ForgetfulStore(MovingStore):
    """Holds the bytes, but its record of them cannot be written."""

    def remember(self, key: object, stored: StoredImage, *, durable: bool = True) -> StoredImage:
        raise DiskError("no space left on device", hint="free some")


@pytest.mark.parametrize("outcome", [a_done(), BadOutput("html", a_spooled())])
def test_a_full_disk_is_the_end_with_the_stores_own_words(outcome: Outcome) -> None:
    journal = Written()
    with pytest.raises(DiskError, match="the paid bytes are in /elsewhere"):
        play(recorded(Scripted({"hero": [outcome]}), FullStore(), journal).generate(a_request()))
    assert journal.in_doubt == {"a1"}


def test_a_disk_that_fills_up_after_the_store_took_the_image_names_it() -> None:
    store, journal = ForgetfulStore(), Written()
    with pytest.raises(DiskError) as caught:
        play(recorded(Scripted(), store, journal).generate(a_request()))
    assert f"the paid image is in {store.find(a_done().spooled.content)}" in caught.value.fact
    assert caught.value.hint == "free some"
    assert journal.in_doubt == {"a1"}


def test_times_are_utc_to_the_second() -> None:
    moment = datetime(2026, 11, 22, 18, 0, 0, 999_999, tzinfo=timezone(timedelta(hours=2)))
    assert stamp(moment) == "2026-11-22T16:00:00Z"
