"""Virtual time: an event loop that never waits. Where nothing is ready, its clock jumps to the next timer."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from reconciler.engine.clock import Clock

T = TypeVar("T")
START = datetime(2026, 11, 22, 16, 0, 0, tzinfo=UTC)


class _Jump(selectors.DefaultSelector):
    now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise RuntimeError("deadlock: everything waits, and no timer is set")
        self.now += max(0.0, timeout)
        return super().select(0)


class VirtualLoop(asyncio.SelectorEventLoop):
    """Threads' work is done at once, so that time stands still meanwhile and every run is the same."""

    def __init__(self) -> None:
        self._jump = _Jump()
        super().__init__(self._jump)

    def time(self) -> float:
        return self._jump.now

    def run_in_executor(self, executor: Any, func: Callable[..., T], *args: Any) -> asyncio.Future[T]:  # type: ignore[override]  # an async method in typeshed's eyes
        future: asyncio.Future[T] = self.create_future()
        try:
            future.set_result(func(*args))
        except Exception as error:
            future.set_exception(error)
        return future


def play(story: Coroutine[Any, Any, T]) -> T:
    """Run to the end in virtual time, from second 0."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(story)


def now() -> float:
    """Virtual seconds since the story began."""
    return asyncio.get_running_loop().time()


VIRTUAL = Clock(monotonic=now, sleep=asyncio.sleep, utc=lambda: START + timedelta(seconds=now()))
