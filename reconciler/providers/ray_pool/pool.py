"""Images of a pool of processes: the provider of a run, which has the journal, the budget and the spool to itself."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO

from reconciler.aio import CallSlot, run_to_completion
from reconciler.core.errors import DiskError
from reconciler.core.outcome import BadOutput, InDoubt, NotSent, Outcome, Refused, Rejected
from reconciler.core.ports import ImageRequest, OnResponse, ignore_response
from reconciler.core.specs.settings import ProviderSettings
from reconciler.core.text import one_line
from reconciler.core.value import value
from reconciler.providers.declaration import Resources
from reconciler.providers.drawn_file import drawn_outcome, takes_over
from reconciler.providers.http.spool_file import unlink
from reconciler.providers.ray_pool.child import LOST, RayProcess
from reconciler.providers.ray_pool.wire import AHEAD, PoolReply
from reconciler.providers.requests.drawing import PreparedDrawing, prepare_drawing
from reconciler.providers.requests.prepared import PreparedRequest

CLUSTER = (sys.executable, "-P", "-m", "reconciler.providers.ray_pool.process")
"""The program that runs Ray."""
MAX_ENDS = 3
"""Processes that may die one after the other before no further one is started."""
_MESSAGE = 500


class RayPool:
    """A core.ports.Provider. The process that runs Ray is started for the first image, and kept until the end."""

    def __init__(self, settings: ProviderSettings, resources: Resources, command: Sequence[str]) -> None:
        self.settings = settings
        self.resources = resources
        self._command = command
        self._places = asyncio.Semaphore(settings.concurrency * (AHEAD if settings.traits.free else 1))
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
        await self._places.acquire()
        slot = CallSlot(self._places, on_response)
        try:
            opened = await run_to_completion(None, _opened, request, self.resources)
            if isinstance(opened, Rejected):
                return opened
            answer = None
            try:
                answer = await self._answer(request, opened.drawing.ready)
            finally:
                if answer is None:
                    opened.remove()
            slot.response_complete()
            return await run_to_completion(None, self._landed, opened, answer, request)
        finally:
            slot.release()

    def _landed(self, opened: _Opened, reply: PoolReply, request: ImageRequest) -> Outcome:
        """The outcome of a reply, with the image in the spool. Blocking."""
        kept = bool(reply.data) and not self.settings.traits.free  # whatever happens now, it is paid for
        try:
            path = opened.written(reply.data)
            outcome = self._outcome(reply, path, request, opened.drawing.size)
            kept = takes_over(outcome, path)
            return outcome
        finally:
            opened.close()
            if not kept:
                opened.remove()

    async def _answer(self, request: ImageRequest, ready: PreparedRequest) -> PoolReply:
        """The reply of the pool. A free image is drawn again if the process dies."""
        while True:
            process = await self._started()
            if isinstance(process, PoolReply):
                return process
            reply = await process.drawn(request, {each.content: str(each.path) for each in ready.files()})
            if reply.kind != LOST:
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


@value
class _Opened:
    """A request that can be drawn, and an open file of the spool for the image that is still to come."""

    drawing: PreparedDrawing
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
        """Close and delete the file. Blocking."""
        self.close()
        for path in {self.path, Path(self.file.name)}:
            unlink(path)


def _opened(request: ImageRequest, resources: Resources) -> _Opened | Rejected:
    """A request, and a file for its image before anything is asked for. DiskError if there can be none. Blocking."""
    drawing = prepare_drawing(request, resources.references)
    if isinstance(drawing, Rejected):
        return drawing
    try:
        return _Opened(drawing, *resources.spool.for_attempt(request.attempt).open_paid())
    except OSError as error:
        raise DiskError(f"no file for the image of the pool: {error.strerror}") from error
