"""The process that runs Ray, as the run sees it: requests on its input, replies on its output."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import tempfile
import threading
from collections.abc import Sequence
from contextlib import suppress
from itertools import count
from typing import IO

from reconciler.core.digest import ContentHash
from reconciler.core.ports import ImageRequest
from reconciler.core.specs.settings import ProviderSettings
from reconciler.core.text import printable
from reconciler.providers.ray_pool.outbox import Outbox
from reconciler.providers.ray_pool.wire import (
    PoolCancel,
    PoolDraw,
    PoolMessage,
    PoolReply,
    PoolStart,
    pack_request,
    read_reply,
    send_message,
)

LOST = "lost"
"""The kind of a reply that did not come, since the process died."""
_GRACE = 20.0
"""Seconds for Ray to end by itself."""
_JOIN = 2.0


class RayProcess:
    """The process that runs Ray, in a session and an empty directory of its own: Ctrl-C does not reach it, and no file
    of the project can take the place of a module of a worker. It ends when its input ends, as if this program dies."""

    def __init__(self, command: Sequence[str]) -> None:
        """OSError if it cannot be started."""
        self._folder = tempfile.TemporaryDirectory(prefix="rcp-", ignore_cleanup_errors=True)
        try:
            self._process = subprocess.Popen(  # noqa: S603 - this interpreter with a module of ours
                list(command),
                cwd=self._folder.name,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
        except OSError:
            self._folder.cleanup()
            raise
        self._listener = threading.Thread(target=self._listen, daemon=True, name="ray")
        self._outbox: Outbox[PoolMessage] = Outbox(lambda message: send_message(self._in, message), name="to ray")
        self._numbers = count(1)
        self._waiting: dict[int, asyncio.Future[PoolReply]] = {}
        self._ending = threading.Lock()
        self._gone = ""
        self._killed = False

    def begin(self, pool: ProviderSettings, loop: asyncio.AbstractEventLoop) -> str:
        """Wait until it is ready; why it is not, or "". Blocking. After `timeouts.total` it is ended."""
        self._outbox.put(PoolStart(pool))
        late = threading.Timer(pool.timeouts.total, self._kill)
        late.daemon = True
        late.start()
        reply = read_reply(self._out)
        late.cancel()
        if reply is None and self._killed:
            return _not_ready(pool)
        if reply is None or reply.kind != "ready":
            return reply.message if reply is not None else "the process that runs Ray died at its start"
        self._loop = loop
        self._listener.start()
        return ""

    async def drawn(self, request: ImageRequest, pictures: dict[ContentHash, str]) -> PoolReply:
        """The reply to a request; of the kind `lost` if the process is gone."""
        number = next(self._numbers)
        future: asyncio.Future[PoolReply] = asyncio.get_running_loop().create_future()
        self._waiting[number] = future
        if self._gone:  # it was told to those that waited before this one did
            return PoolReply(number, LOST, self._gone)
        try:
            self._outbox.put(PoolDraw(number, pack_request(request), pictures))
            return await future
        except asyncio.CancelledError:
            self._outbox.put(PoolCancel(number))
            raise
        finally:
            self._waiting.pop(number, None)

    def end(self, *, grace: float = _GRACE) -> None:
        """End it and all that it has started: by itself within so many seconds, else by force. Blocking."""
        with self._ending:
            if self._process.returncode is not None:
                return
            if grace and self._outbox.close(seconds=_JOIN):
                with suppress(OSError):
                    self._in.close()
                with suppress(subprocess.TimeoutExpired):
                    self._process.wait(grace)
            self._kill()
            self._process.wait()
            self._outbox.close(seconds=_JOIN)  # its pipe has no reader now
            with suppress(OSError):
                self._in.close()
            if self._listener.ident is not None:
                self._listener.join(_JOIN)
            self._out.close()
            self._folder.cleanup()

    @property
    def _in(self) -> IO[bytes]:
        assert self._process.stdin is not None  # it was opened as a pipe
        return self._process.stdin

    @property
    def _out(self) -> IO[bytes]:
        assert self._process.stdout is not None  # it was opened as a pipe
        return self._process.stdout

    def _kill(self) -> None:
        """Kill it and all that it has started. It is not waited for, so that its number belongs to no other one."""
        self._killed = True
        with suppress(OSError):
            os.killpg(self._process.pid, signal.SIGKILL)

    def _listen(self) -> None:
        """Hand every reply to the request that waits for it, until the process is gone."""
        with suppress(RuntimeError, ValueError):  # the loop has ended, or the pipe was closed
            while (reply := read_reply(self._out)) is not None:
                self._loop.call_soon_threadsafe(self._replied, reply)
            self._loop.call_soon_threadsafe(self._lost)

    def _replied(self, reply: PoolReply) -> None:
        future = self._waiting.get(reply.number)
        if future is not None and not future.done():
            future.set_result(reply)

    def _lost(self) -> None:
        self._gone = "the process that runs Ray died"
        for number, future in self._waiting.items():
            if not future.done():
                future.set_result(PoolReply(number, LOST, self._gone))


def _not_ready(pool: ProviderSettings) -> str:
    where = f"is the cluster at {printable(pool.address)} up?" if pool.address else "is this machine very busy?"
    limit = f"timeouts.total of providers.{printable(pool.name)}"
    return f"Ray was not ready within {pool.timeouts.total:g} s, which is {limit}; {where}"
