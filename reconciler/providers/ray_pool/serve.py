"""The loop of the process between a run and its pool: hand out requests, and say what became of them.

Nothing here knows Ray. A request is never given to a second worker if its image costs money and the first one may have
drawn it.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Mapping
from contextlib import suppress
from typing import IO, Protocol

from reconciler.core.digest import ContentHash
from reconciler.core.ports import ImageRequest
from reconciler.core.text import one_line
from reconciler.core.value import replace
from reconciler.providers.ray_pool.wire import PoolCancel, PoolDraw, PoolMessage, PoolReply, read_message, send_reply

TRIES = 3
"""How often a free image is tried whose worker dies."""
_WORDS = 300


class WorkerLostError(Exception):
    """A worker is gone, or cannot be reached. `sent`: it may have begun to draw."""

    def __init__(self, message: str, *, sent: bool) -> None:
        super().__init__(one_line(message, _WORDS))
        self.sent = sent


class PooledWorker(Protocol):
    """One worker of a pool."""

    async def ready(self) -> None:
        """Wait until it can draw. WorkerLostError if that does not come about."""
        ...

    async def draw(self, request: ImageRequest, pictures: Mapping[ContentHash, str]) -> PoolReply:
        """What became of the request. WorkerLostError if the worker is gone."""
        ...

    async def end(self, *, busy: bool) -> None:
        """End it. `busy`: in the middle of an image."""
        ...


class Cluster(Protocol):
    """Where workers are started."""

    def new_worker(self) -> PooledWorker:
        """A worker that may not be ready yet."""
        ...


class PoolServer:
    """Answers the messages of one run. `charges`: images cost money. There are never more than `most` workers."""

    def __init__(self, cluster: Cluster, out: IO[bytes], *, charges: bool, most: int) -> None:
        self._cluster = cluster
        self._out = out
        self._charges = charges
        self._most_lost = TRIES * most
        self._places = asyncio.Semaphore(most)
        self._idle: list[PooledWorker] = []
        self._busy: set[PooledWorker] = set()
        self._answered: set[PooledWorker] = set()
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._writing = threading.Lock()
        self._lost = 0

    async def serve(self, stream: IO[bytes]) -> None:
        """Answer until the run is gone, then end the workers."""
        try:
            while (message := await asyncio.to_thread(read_message, stream)) is not None:
                self._take(message)
        finally:
            for task in self._tasks.values():
                task.cancel()
            await asyncio.gather(*self._tasks.values(), return_exceptions=True)
            idle, busy = tuple(self._idle), tuple(self._busy)
            await asyncio.gather(
                *(one.end(busy=False) for one in idle), *(one.end(busy=True) for one in busy), return_exceptions=True
            )

    def _take(self, message: PoolMessage) -> None:
        if isinstance(message, PoolCancel) and message.number in self._tasks:
            self._tasks[message.number].cancel()
        elif isinstance(message, PoolDraw):
            task = asyncio.ensure_future(self._answer(message))
            self._tasks[message.number] = task
            task.add_done_callback(lambda _: self._tasks.pop(message.number, None))

    async def _answer(self, asked: PoolDraw) -> None:
        async with self._places:
            try:
                reply = await self._drawn(asked)
            except Exception as error:  # noqa: BLE001 - a request without a reply would hang the run
                message = one_line(f"{type(error).__name__}: {error}", _WORDS)
                reply = PoolReply(0, "in_doubt" if self._charges else "not_sent", message, final=True)
        with suppress(OSError):  # the run is gone: `serve` ends
            await asyncio.to_thread(self._send, replace(reply, number=asked.number))

    def _send(self, reply: PoolReply) -> None:
        with self._writing:
            send_reply(self._out, reply)

    async def _drawn(self, asked: PoolDraw) -> PoolReply:
        reply = PoolReply(0, "not_sent", "no worker could be started", final=True)
        for left in reversed(range(TRIES)):
            if self._lost >= self._most_lost:
                return replace(reply, kind="not_sent", message=f"workers die one after the other; {reply.message}")
            try:
                reply = await self._once(asked)
            except WorkerLostError as error:
                self._lost += 1
                if error.sent and self._charges:
                    return PoolReply(0, "in_doubt", str(error))
                reply = PoolReply(0, "not_sent", str(error), final=left == 0)
            else:
                self._lost = 0 if reply.kind == "image" else self._lost
            if reply.kind != "not_sent" or reply.final:
                break
        return reply

    async def _once(self, asked: PoolDraw) -> PoolReply:
        worker = self._idle.pop() if self._idle else self._cluster.new_worker()
        self._busy.add(worker)
        try:
            if self._charges or worker not in self._answered:  # a death before this costs no doubt
                await worker.ready()
            reply = await worker.draw(asked.request, asked.pictures)
        except asyncio.CancelledError:
            self._busy.discard(worker)
            await worker.end(busy=True)
            raise
        except WorkerLostError as error:
            self._busy.discard(worker)
            self._answered.discard(worker)
            if error.sent:
                self._idle.append(worker)  # it is started again
            else:
                await worker.end(busy=True)
            raise
        self._busy.discard(worker)
        self._answered.add(worker)
        self._idle.append(worker)
        return reply
