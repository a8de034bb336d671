"""The images of a free provider: each is in the store when its outcome comes, at no price and without a journal."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest

from reconciler.core.lock.lockfile import Made
from reconciler.core.outcome import Done, NotSent, Outcome, Rejected, Spooled, Stop
from reconciler.core.ports import ImageRequest, OnResponse, ignore_response
from reconciler.engine.lane.stored import MOST_LANDING, StoredProvider
from tests.builders import PICTURE, a_stored
from tests.engine.clock import VIRTUAL, play
from tests.engine.paid import MovingStore, Scripted, a_done, a_request, many


def stored(inner: Scripted, store: MovingStore | None = None) -> StoredProvider:
    return StoredProvider(inner, made_by="draft", store=store or MovingStore(), utc=VIRTUAL.utc, parallel=2)


async def make(provider: StoredProvider, assets: Sequence[str]) -> list[Outcome]:
    return list(await asyncio.gather(*(provider.generate(a_request(asset)) for asset in assets)))


def test_an_image_is_recorded_in_the_store_at_no_price() -> None:
    store = MovingStore()
    (outcome,) = play(make(stored(Scripted(), store), ["hero"]))
    assert isinstance(outcome, Done)
    made = Made(provider="draft", at="2026-11-22T16:00:01Z", model="m-1", cost="0 USD")
    (image,) = store.recall(a_request().key)
    assert (image.content, image.image, image.made) == (a_done().spooled.content, a_done().image, made)
    assert outcome.made == made


def test_the_first_record_of_an_image_stays() -> None:
    store = MovingStore()
    store.put(a_done().spooled)
    first = store.remember(a_request().key, a_stored("hero"))
    (outcome,) = play(make(stored(Scripted(), store), ["hero"]))
    assert isinstance(outcome, Done)
    assert (outcome.made, store.recall(a_request().key)) == (first.made, (first,))
    assert first.image == PICTURE


def test_an_outcome_without_an_image_is_passed_on() -> None:
    store = MovingStore()
    assert play(make(stored(Scripted({"hero": [Rejected("bad size")]}), store), ["hero"])) == [Rejected("bad size")]
    assert store.recipes == {}


def test_so_many_images_are_made_at_a_time() -> None:
    inner = Scripted()
    play(make(stored(inner), many(5)))
    assert inner.times == [0.0, 0.0, 1.0, 1.0, 2.0]


class Answering(Scripted):
    """Tells that its response is complete; its store then takes a second for each image."""

    async def generate(self, request: ImageRequest, *, on_response: OnResponse = ignore_response) -> Outcome:
        outcome = await super().generate(request)
        on_response()
        await asyncio.sleep(10)
        return outcome


def test_an_image_is_made_while_earlier_ones_are_stored_but_for_so_many() -> None:
    inner, count = Answering(), 2 * (2 + MOST_LANDING)
    play(make(stored(inner), many(count)))
    first, later = inner.times[: 2 + MOST_LANDING], inner.times[2 + MOST_LANDING :]
    assert first == [float(number // 2) for number in range(2 + MOST_LANDING)]
    assert later[0] == first[0] + 1 + 10


def test_after_ctrl_c_the_images_in_progress_finish_and_no_other_begins() -> None:
    inner = Scripted()
    provider = stored(inner)

    async def story() -> list[Outcome]:
        asyncio.get_running_loop().call_later(0.5, provider.drain)
        return await make(provider, many(3))

    *finished, last = play(story())
    assert [type(outcome) for outcome in finished] == [Done, Done]
    assert last == NotSent("not begun: interrupted", final=True, stop=Stop.INTERRUPTED)
    assert inner.assets == many(2)


@pytest.mark.parametrize(("made_by", "called"), [("draft", "the draft is"), ("house", "the free image is")])
def test_a_message_about_a_refused_image_does_not_call_it_paid(made_by: str, called: str) -> None:
    names: list[str] = []

    class Naming(MovingStore):
        def put(self, spooled: Spooled) -> Path:
            names.append(spooled.called)
            return super().put(spooled)

    provider = StoredProvider(Scripted(), made_by=made_by, store=Naming(), utc=VIRTUAL.utc, parallel=2)
    play(make(provider, ["hero"]))
    assert names == [called]
