"""Blocking work that a cancellation must not tear apart, and slots that are free before a call has ended.

The module stands beside the layers: engine and providers need it and must not import each other, and core has no
asyncio. It imports nothing of this package.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor
from contextlib import suppress
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


async def run_to_completion(
    executor: Executor | None, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs
) -> T:
    """Run blocking work in a thread of the executor (None: the default one of the loop) and return its result.

    A cancellation that arrives meanwhile is requested again once the work is done: it takes effect at the next await
    of the caller, which has the result, or the error of the work, until then.
    """
    # a future of the executor, not a task: when a loop ends, it cancels every task
    work = asyncio.get_running_loop().run_in_executor(executor, lambda: function(*args, **kwargs))
    task, cancelled = asyncio.current_task(), False
    while not work.done():
        try:
            await asyncio.wait({work})
        except asyncio.CancelledError:
            cancelled = True
            if task is not None:
                task.uncancel()
    if cancelled and task is not None:
        task.cancel()
    return work.result()


class CallSlot:
    """A concurrency slot of one call, which the caller has acquired. It is released when the response of the call is
    complete: the next one begins while this one is verified and stored. `told` is then called, once."""

    def __init__(self, slots: asyncio.Semaphore, told: Callable[[], None]) -> None:
        self._slots = slots
        self._told = told
        self._loop = asyncio.get_running_loop()
        self._released = self._answered = False

    def response_complete(self) -> None:
        """Release it, and tell. Called on the event loop, any number of times."""
        self.release()
        if not self._answered:
            self._answered = True
            self._told()

    def response_complete_from_thread(self) -> None:
        """The same from another thread."""
        with suppress(RuntimeError):  # the loop has ended
            self._loop.call_soon_threadsafe(self.response_complete)

    def release(self) -> None:
        """Release it, if it is not released. Called on the event loop, any number of times."""
        if not self._released:
            self._released = True
            self._slots.release()


def is_cancelled() -> bool:
    """Whether a cancellation of the current task takes effect at its next await."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
