"""The loop of the process between a run and its pool: hand out requests, and say what became of them.

Nothing here knows Ray. A request is never given to a second worker if its image costs money and the first one may have
drawn it.
"""

from __future__ import annotations

import asyncio
import threading
from contextlib import suppress
from typing import IO

from reconciler.core.text import one_line
from reconciler.core.value import replace
from reconciler.providers.ray_pool.dispatcher import WORDS, Cluster, Dispatcher, PooledWorker, WorkerLostError
from reconciler.providers.ray_pool.outbox import Outbox
from reconciler.providers.ray_pool.wire import (
    AHEAD,
    PoolCancel,
    PoolDraw,
    PoolMessage,
    PoolReply,
    read_message,
    send_reply,
)

TRIES = 3
"""How often a free image is tried whose worker dies."""


class PoolServer:
    """Answers the messages of one run. `charges`: images cost money. There are never more than `most` workers."""

    def __init__(self, cluster: Cluster, out: IO[bytes], *, charges: bool, most: int) -> None:
        self._out = out
        self._charges = charges
        ahead = 1 if charges else AHEAD
        self._workers = Dispatcher(cluster, most=most, ahead=ahead)
        self._most_lost = TRIES * most * ahead
        self._answered: set[PooledWorker] = set()
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._lost = 0

    async def serve(self, stream: IO[bytes]) -> None:
        """Answer until the run is gone, then end the workers."""
        ended = asyncio.Event()
        outbox: Outbox[PoolReply] = Outbox(lambda reply: send_reply(self._out, reply), name="replies")
        reader = threading.Thread(
            target=self._read, args=(stream, asyncio.get_running_loop(), outbox, ended), daemon=True, name="requests"
        )
        reader.start()
        try:
            await ended.wait()
        finally:
            for task in self._tasks.values():
                task.cancel()
            await asyncio.gather(*self._tasks.values(), return_exceptions=True)
            await self._workers.end_all()
            await asyncio.to_thread(outbox.close)

    def _read(
        self, stream: IO[bytes], loop: asyncio.AbstractEventLoop, outbox: Outbox[PoolReply], ended: asyncio.Event
    ) -> None:
        """Take every message. In a thread of its own."""
        with suppress(RuntimeError):  # the loop has ended
            while (message := read_message(stream)) is not None:
                loop.call_soon_threadsafe(self._take, message, outbox)
            loop.call_soon_threadsafe(ended.set)

    def _take(self, message: PoolMessage, outbox: Outbox[PoolReply]) -> None:
        if isinstance(message, PoolCancel) and message.number in self._tasks:
            self._tasks[message.number].cancel()
        elif isinstance(message, PoolDraw):
            task = asyncio.ensure_future(self._answer(message, outbox))
            self._tasks[message.number] = task
            task.add_done_callback(lambda _: self._tasks.pop(message.number, None))

    async def _answer(self, asked: PoolDraw, outbox: Outbox[PoolReply]) -> None:
        try:
            reply = await self._drawn(asked)
        except Exception as error:  # noqa: BLE001 - a request without a reply would hang the run
            message = one_line(f"{type(error).__name__}: {error}", WORDS)
            reply = PoolReply(0, "in_doubt" if self._charges else "not_sent", message, final=True)
        outbox.put(replace(reply, number=asked.number))

    async def _drawn(self, asked: PoolDraw) -> PoolReply:
        reply = PoolReply(0, "not_sent", "no worker could be started", final=True)
        alone = False
        for left in reversed(range(TRIES)):
            worker = await self._workers.take(alone=alone)
            try:
                if self._lost >= self._most_lost:
                    return replace(reply, kind="not_sent", message=f"workers die one after the other; {reply.message}")
                reply = await self._once(worker, asked)
            except WorkerLostError as error:
                self._lost += 1
                alone = True
                if error.sent and self._charges:
                    return PoolReply(0, "in_doubt", str(error))
                reply = PoolReply(0, "not_sent", str(error), final=left == 0)
            else:
                self._lost = 0 if reply.kind == "image" else self._lost
            finally:
                self._workers.give(worker)
            if reply.kind != "not_sent" or reply.final:
                break
        return reply

    async def _once(self, worker: PooledWorker, asked: PoolDraw) -> PoolReply:
        try:
            if self._charges or worker not in self._answered:  # a death before this costs no doubt
                await worker.ready()
            reply = await worker.draw(asked.request, asked.pictures)
        except asyncio.CancelledError:
            await self._workers.end(worker)
            raise
        except WorkerLostError as error:
            self._answered.discard(worker)
            if not error.sent:  # else it is started again
                await self._workers.end(worker)
            raise
        self._answered.add(worker)
        return reply
