"""Work in a thread is done in spite of a cancellation, which then takes effect at the next await."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from reconciler.aio import run_to_completion


class Slow:
    """Work that says when it has begun, and waits to be let go."""

    def __init__(self, error: Exception | None = None) -> None:
        self.begun = threading.Event()
        self.go = threading.Event()
        self.error = error

    def work(self, number: int) -> int:
        self.begun.set()
        assert self.go.wait(10)
        if self.error is not None:
            raise self.error
        return 2 * number


def test_the_result_and_the_error_of_the_work_come_through() -> None:
    slow = Slow()
    slow.go.set()
    assert asyncio.run(run_to_completion(None, slow.work, 21)) == 42
    slow.error = OSError("no space")
    with pytest.raises(OSError, match="no space"):
        asyncio.run(run_to_completion(None, slow.work, 21))


@pytest.mark.parametrize("times", [1, 2, 5])
def test_the_caller_has_the_result_before_it_is_cancelled(times: int) -> None:
    slow, got = Slow(), list[int | str]()

    async def caller() -> None:
        got.append(await run_to_completion(ThreadPoolExecutor(1), slow.work, 21))
        try:
            await asyncio.sleep(0)
        except asyncio.CancelledError:
            got.append("cancelled")
            raise

    async def story() -> bool:
        task = asyncio.create_task(caller())
        await asyncio.to_thread(slow.begun.wait, 10)
        for _ in range(times):
            task.cancel()
            await asyncio.sleep(0)
        assert not task.done()
        slow.go.set()
        await asyncio.wait({task})
        return task.cancelled()

    assert asyncio.run(story())
    assert got == [42, "cancelled"]


def test_an_error_of_the_work_is_not_lost_to_a_cancellation() -> None:
    slow, got = Slow(OSError("no space")), list[str]()

    async def caller() -> None:
        try:
            await run_to_completion(None, slow.work, 21)
        except OSError as error:
            got.append(str(error))

    async def story() -> None:
        task = asyncio.create_task(caller())
        await asyncio.to_thread(slow.begun.wait, 10)
        task.cancel()
        await asyncio.sleep(0)
        slow.go.set()
        await asyncio.wait({task})

    asyncio.run(story())
    assert got == ["no space"]
