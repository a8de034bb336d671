"""Images of a pool of processes: the provider of a run, which has the journal, the budget and the spool to itself."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import IO

from reconciler.core.digest import ContentHash
from reconciler.core.errors import DiskError
from reconciler.core.outcome import BadOutput, InDoubt, NotSent, Outcome, Refused, Rejected
from reconciler.core.ports import ImageRequest, OnResponse, ignore_response
from reconciler.core.specs.settings import ProviderSettings
from reconciler.core.text import one_line
from reconciler.core.value import value
from reconciler.providers.declaration import Resources
from reconciler.providers.drawn_file import drawn_outcome, takes_over
from reconciler.providers.http.spool_file import unlink
from reconciler.providers.ray_pool.wire import (
    PoolCancel,
    PoolDraw,
    PoolMessage,
    PoolReply,
    PoolStart,
    read_reply,
    send_message,
)
from reconciler.providers.requests.drawing import prepare_drawing
from reconciler.providers.requests.prepared import PreparedRequest

CLUSTER = (sys.executable, "-P", "-m", "reconciler.providers.ray_pool.process")
"""The program that runs Ray."""
MAX_ENDS = 3
"""Processes that may die one after the other before no further one is started."""
_LOST = "lost"
_GRACE = 20.0
"""Seconds for Ray to end by itself."""
_JOIN = 2.0
_MESSAGE = 500


class RayPool:
    """A core.ports.Provider. The process that runs Ray is started for the first image, and kept until the end."""

    def __init__(self, settings: ProviderSettings, resources: Resources, command: Sequence[str]) -> None:
        self.settings = settings
        self.resources = resources
        self._command = command
        self._places = asyncio.Semaphore(settings.concurrency)
        self._starting = asyncio.Lock()
        self._process: RayProcess | None = None
        self._deaths = 0
        resources.at_end(self.end)

    def end(self) -> None:
        """End the process and all that it has started."""
        if self._process is not None:
            self._process.end()

    async def generate(self, request: ImageRequest, *, on_response: OnResponse = ignore_response) -> Outcome:
        """One image, or why not. A cancelled call ends its worker."""
        drawing = await asyncio.to_thread(prepare_drawing, request, self.resources.references)
        if isinstance(drawing, Rejected):
            return drawing
        async with self._places:
            spooled = await asyncio.to_thread(_opened, self.resources, request.attempt)
            kept = False
            try:
                reply = await self._answer(request, drawing.ready)
                on_response()
                path = await asyncio.to_thread(spooled.written, reply.data)
                kept = bool(reply.data) and not self.settings.traits.free  # whatever happens now, it is paid for
                outcome = await asyncio.to_thread(self._outcome, reply, path, request, drawing.size)
                kept = takes_over(outcome, path)
                return outcome
            finally:
                spooled.close()
                if not kept:
                    spooled.remove()

    async def _answer(self, request: ImageRequest, ready: PreparedRequest) -> PoolReply:
        """The reply of the pool. A free image is drawn again if the process dies."""
        while True:
            process = await self._started()
            if isinstance(process, PoolReply):
                return process
            reply = await process.drawn(request, {each.content: str(each.path) for each in ready.files()})
            if reply.kind != _LOST:
                self._deaths = 0
                return reply
            self._drop(process)
            if not self.settings.traits.free:
                return PoolReply(0, "in_doubt", reply.message)

    async def _started(self) -> RayProcess | PoolReply:
        """The process that runs Ray; a reply if it cannot be started."""
        async with self._starting:
            if self._process is None:
                if self._deaths >= MAX_ENDS:
                    why = f"the process that runs Ray died {MAX_ENDS} times one after the other"
                    return PoolReply(0, "not_sent", why, final=True)
                try:
                    self._process = await asyncio.to_thread(RayProcess, self._command)
                except OSError as error:
                    return PoolReply(0, "not_sent", f"Ray cannot be started: {error.strerror}", final=True)
                refused = await asyncio.to_thread(self._process.begin, self.settings, asyncio.get_running_loop())
                if refused:
                    self._drop(self._process)
                    return PoolReply(0, "not_sent", refused, final=True)
            return self._process

    def _drop(self, process: RayProcess) -> None:
        """Do without a process that is gone."""
        if self._process is process:
            self._process = None
            self._deaths += 1
            process.end(grace=0)

    def _outcome(self, reply: PoolReply, path: Path, request: ImageRequest, size: tuple[int, int]) -> Outcome:
        message = one_line(reply.message, _MESSAGE) or "the worker does not say why"
        match reply.kind:
            case "image":
                model = one_line(reply.model, _MESSAGE)
                return drawn_outcome(path, request, size, model=model, free=self.settings.traits.free)
            case "refused":
                return Refused(message)
            case "rejected":
                return Rejected(message)
            case "bad_output":
                return BadOutput(message)
            case "not_sent":
                return NotSent(f"the pool {self.settings.name}: {message}", final=reply.final)
            case _:
                return InDoubt(f"the pool {self.settings.name}: {message}")


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
        self._numbers = count(1)
        self._waiting: dict[int, asyncio.Future[PoolReply]] = {}
        self._writing = threading.Lock()
        self._ending = threading.Lock()
        self._gone = ""

    def begin(self, pool: ProviderSettings, loop: asyncio.AbstractEventLoop) -> str:
        """Wait until it is ready; why it is not, or "". Blocking."""
        try:
            self._send(PoolStart(pool))
        except OSError:
            return "the process that runs Ray died at its start"
        reply = read_reply(self._out)
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
            return PoolReply(number, _LOST, self._gone)
        try:
            with suppress(OSError):  # it is gone: the listener says so
                await asyncio.to_thread(self._send, PoolDraw(number, request, pictures))
            return await future
        except asyncio.CancelledError:
            with suppress(OSError):
                self._send(PoolCancel(number))
            raise
        finally:
            self._waiting.pop(number, None)

    def end(self, *, grace: float = _GRACE) -> None:
        """End it and all that it has started: by itself within so many seconds, else by force. Blocking."""
        with self._ending:
            if self._process.returncode is not None:
                return
            with suppress(OSError):
                self._in.close()
            if grace:
                with suppress(subprocess.TimeoutExpired):
                    self._process.wait(grace)
            with suppress(OSError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
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

    def _send(self, message: PoolMessage) -> None:
        with self._writing:
            send_message(self._in, message)

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
                future.set_result(PoolReply(number, _LOST, self._gone))


@value
class _SpooledReply:
    """An open file of the spool, for an image that is still to come."""

    path: Path
    file: IO[bytes]

    def written(self, data: bytes) -> Path:
        """The path of the file with these bytes. Blocking. DiskError if the disk refuses."""
        try:
            self.file.write(data)
            self.file.close()
        except OSError as error:
            raise DiskError(f"cannot write the image of the pool: {error.strerror}") from error
        return Path(self.file.name)

    def close(self) -> None:
        """Close the file; a refusal was told before, or nothing was written."""
        with suppress(OSError):
            self.file.close()

    def remove(self) -> None:
        """Delete the file."""
        for path in {self.path, Path(self.file.name)}:
            unlink(path)


def _opened(resources: Resources, attempt: str) -> _SpooledReply:
    """A file for the image, before anything is asked for. DiskError if there can be none. Blocking."""
    try:
        return _SpooledReply(*resources.spool.for_attempt(attempt).open_paid())
    except OSError as error:
        raise DiskError(f"no file for the image of the pool: {error.strerror}") from error
