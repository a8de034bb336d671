"""The lockfile follows a run: often enough to be of use, seldom enough to cost little, and complete at the end."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterable

import pytest

from reconciler.core.digest import AssetId
from reconciler.core.errors import LockfileError
from reconciler.core.events import Durable, Removed
from reconciler.engine.lockfile_saver import LockfileSaver
from tests.engine.clock import play


class SlowFile:
    """A lockfile that takes `seconds` to save. `saves` are the times of its saves, `events` what it has."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.time = 0.0
        self.saves: list[float] = []
        self.events: list[Durable] = []
        self.error: Exception | None = None

    def update(self, events: Iterable[Durable]) -> None:
        self.saves.append(self.time)
        self.time += self.seconds
        if self.error is not None:
            raise self.error
        self.events.extend(events)


def images(count: int) -> list[Durable]:
    return [Removed(AssetId(f"i{number}")) for number in range(count)]


def a_run(file: SlowFile, events: Iterable[Durable], *, every: float) -> LockfileSaver:
    """A run in which an event comes after every so many seconds, up to its end but without the last save."""
    saver = LockfileSaver(file, clock=lambda: file.time)

    async def story() -> None:
        for event in events:
            file.time += every
            await saver.add(event)

    play(story())
    return saver


def test_saving_takes_at_most_a_twentieth_of_a_run() -> None:
    file = SlowFile(seconds=0.5)
    a_run(file, images(1000), every=0.1)
    saving = len(file.saves) * file.seconds
    assert saving <= file.time / 20 + file.seconds
    assert saving > file.time / 40, "and it does follow"


def test_the_next_save_comes_after_20_times_the_seconds_of_the_last() -> None:
    file = SlowFile(seconds=1)
    a_run(file, images(25), every=1)
    assert file.saves == [1, 22], "the first one ended at 2"


def test_a_save_that_costs_nothing_follows_every_event() -> None:
    file = SlowFile(seconds=0)
    a_run(file, images(5), every=1)
    assert (len(file.saves), file.events) == (5, images(5))


def test_the_last_save_has_everything_in_order_and_once() -> None:
    file = SlowFile(seconds=10)
    saver = a_run(file, images(9), every=1)
    assert file.events == images(1)
    play(saver.save())
    assert file.events == images(9)
    play(saver.save())
    assert len(file.saves) == 2, "nothing was left to save"


def test_a_lockfile_that_cannot_be_saved_now_has_everything_later() -> None:
    """A person is merging it: no event is lost, the run goes on, and the end says so."""
    file = SlowFile(seconds=0.5)
    file.error = LockfileError("assets.lock: holds a conflict")
    saver = a_run(file, images(300), every=0.1)
    assert 1 < len(file.saves) * file.seconds <= file.time / 20 + file.seconds
    with pytest.raises(LockfileError):
        play(saver.save())
    file.error = None
    play(saver.save())
    assert file.events == images(300)


class HeldFile(SlowFile):
    """A lockfile whose saves wait until they may end."""

    def __init__(self) -> None:
        super().__init__(seconds=0)
        self.begun = threading.Event()
        self.may_end = threading.Event()

    def update(self, events: Iterable[Durable]) -> None:
        self.begun.set()
        assert self.may_end.wait(20), "the run waited for the save"
        super().update(events)


def test_events_that_come_during_a_save_are_in_the_next_one() -> None:
    file = HeldFile()

    async def story() -> None:
        saver = LockfileSaver(file)
        first, second, third = images(3)
        saving = asyncio.create_task(saver.add(first))
        await asyncio.to_thread(file.begun.wait)
        await saver.add(second)  # waits for nobody
        last = asyncio.create_task(saver.save())
        file.may_end.set()
        await asyncio.gather(saving, last)
        await saver.add(third)
        await saver.save()

    asyncio.run(story())
    assert file.events == images(3)
