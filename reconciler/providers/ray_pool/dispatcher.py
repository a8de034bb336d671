"""Which worker gets a request. Nothing here knows Ray."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Protocol

from reconciler.core.digest import ContentHash
from reconciler.core.text import one_line
from reconciler.providers.ray_pool.wire import PoolReply

WORDS = 300
"""Characters of an error of Ray that are shown."""


class WorkerLostError(Exception):
    """A worker is gone, or cannot be reached. `sent`: it may have begun to draw."""

    def __init__(self, message: str, *, sent: bool) -> None:
        super().__init__(one_line(message, WORDS))
        self.sent = sent


class PooledWorker(Protocol):
    """One worker of a pool."""

    async def ready(self) -> None:
        """Wait until it can draw. WorkerLostError if that does not come about."""
        ...

    async def draw(self, request: bytes, pictures: Mapping[ContentHash, str]) -> PoolReply:
        """What became of a packed request. WorkerLostError if the worker is gone."""
        ...

    async def end(self, *, busy: bool) -> None:
        """End it. `busy`: in the middle of an image."""
        ...


class Cluster(Protocol):
    """Where workers are started."""

    def new_worker(self) -> PooledWorker:
        """A worker that may not be ready yet."""
        ...


class Dispatcher:
    """The workers of a pool: at most `most`, with at most `ahead` requests each. Belongs to one event loop."""

    def __init__(self, cluster: Cluster, *, most: int, ahead: int) -> None:
        self._cluster = cluster
        self._most = most
        self._ahead = ahead
        self._loads: dict[PooledWorker, int] = {}
        self._closed: set[PooledWorker] = set()
        self._changed = asyncio.Event()

    async def take(self, *, alone: bool) -> PooledWorker:
        """A worker for one request, which is given back: an idle one, a new one, or the one with the fewest requests.

        `alone`: it has no other request until then. A request whose worker died could be the reason, and would take
        others with it.
        """
        while (worker := self._free(1 if alone else self._ahead)) is None:
            self._changed.clear()
            await self._changed.wait()
        self._loads[worker] = self._loads.get(worker, 0) + 1
        if alone:
            self._closed.add(worker)
        return worker

    def give(self, worker: PooledWorker) -> None:
        """Take a worker back, or forget one that has ended."""
        self._closed.discard(worker)
        if worker in self._loads:
            self._loads[worker] -= 1
        self._changed.set()

    async def end(self, worker: PooledWorker) -> None:
        """End a worker, with all that it draws."""
        if self._loads.pop(worker, None) is not None:
            await worker.end(busy=True)

    async def end_all(self) -> None:
        """End them all."""
        loads, self._loads = self._loads, {}
        ending = (worker.end(busy=load > 0) for worker, load in loads.items())
        await asyncio.gather(*ending, return_exceptions=True)

    def _free(self, ahead: int) -> PooledWorker | None:
        open_ones = [worker for worker in self._loads if worker not in self._closed]
        best = min(open_ones, key=self._loads.__getitem__, default=None)
        if best is not None and self._loads[best] == 0:
            return best
        if len(self._loads) < self._most:
            return self._cluster.new_worker()
        return best if best is not None and self._loads[best] < ahead else None
