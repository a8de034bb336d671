"""Start the steps of a plan: each after the steps that it waits for, and at most so many of a provider at a time.

A task takes 8 KB from its start to its end: those of 100,000 steps at once would take a gigabyte.
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Callable, Coroutine, Sequence
from functools import partial

from reconciler.core.digest import AssetId
from reconciler.core.plan.plan import AssetStep, Step, draws

MOST = 3_000
"""Steps of one provider that are under way. Its lane has at most 2 x 1,024 of them, by the schema of settings."""
_LOCAL = ""
"""Steps that need no provider."""


class StepQueue:
    """Runs `carry_out` for every step. A step waits for the assets that it refers to, if they have steps, too."""

    def __init__(
        self, steps: Sequence[Step], carry_out: Callable[[Step], Coroutine[None, None, None]], *, most: int = MOST
    ) -> None:
        self._carry_out = carry_out
        self._most = most
        self._ready: dict[str, deque[Step]] = {}
        self._running: dict[asyncio.Task[None], str] = {}
        self._count: Counter[str] = Counter()
        self._missing: dict[AssetId, int] = {}
        self._dependents: dict[AssetId, list[Step]] = {}
        self._errors: list[BaseException] = []
        self._all_ended: asyncio.Future[None] | None = None
        named = {step.asset for step in steps}
        for step in steps:
            upstreams = {up for up in step.spec.upstreams() if up in named} if isinstance(step, AssetStep) else ()
            for up in upstreams:
                self._dependents.setdefault(up, []).append(step)
            if upstreams:
                self._missing[step.asset] = len(upstreams)
            else:
                self._queue(step)

    async def run(self) -> None:
        """Returns once every step has ended. An error of one stops no other, and is raised at the end."""
        self._all_ended = asyncio.get_running_loop().create_future()
        self._start()
        try:
            await self._all_ended
        except asyncio.CancelledError:
            self._ready.clear()
            self._missing.clear()
            for task in self._running:
                task.cancel()
            await asyncio.gather(*self._running, return_exceptions=True)
            raise
        for error in sorted(self._errors, key=lambda error: isinstance(error, asyncio.CancelledError)):
            raise error  # the cause, rather than a cancellation that followed from it

    def _queue(self, step: Step) -> None:
        lane = step.spec.provider if isinstance(step, AssetStep) and draws(step.action) else _LOCAL
        self._ready.setdefault(lane, deque()).append(step)

    def _start(self) -> None:
        """Start as many steps as there may be."""
        for lane, ready in self._ready.items():
            while ready and self._count[lane] < self._most:
                step = ready.popleft()
                task = asyncio.create_task(self._carry_out(step))
                self._running[task] = lane
                self._count[lane] += 1
                task.add_done_callback(partial(self._ended, step.asset))
        if not self._running and self._all_ended is not None and not self._all_ended.done():
            assert not self._missing, "no step waits for itself: the specs were checked"
            self._all_ended.set_result(None)

    def _ended(self, asset: AssetId, task: asyncio.Task[None]) -> None:
        self._count[self._running.pop(task)] -= 1
        error = asyncio.CancelledError() if task.cancelled() else task.exception()
        if error is not None:
            self._errors.append(error)
        for step in self._dependents.pop(asset, ()):
            if step.asset in self._missing:  # else the run was cancelled
                self._missing[step.asset] -= 1
                if not self._missing[step.asset]:
                    del self._missing[step.asset]
                    self._queue(step)
        self._start()
