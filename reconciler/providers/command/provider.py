"""Images of a worker process: free by default, paid for if the settings say that the program charges."""

from __future__ import annotations

import asyncio
import itertools
import threading
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from reconciler.aio import CallSlot
from reconciler.core.digest import Json
from reconciler.core.errors import DiskError
from reconciler.core.outcome import BadOutput, InDoubt, NotSent, Outcome, Refused, Rejected
from reconciler.core.ports import ImageRequest, OnResponse, ignore_response
from reconciler.core.recipe import Recipe
from reconciler.core.seed import recipe_seed
from reconciler.core.specs.settings import ProviderSettings
from reconciler.core.text import one_line
from reconciler.providers.command.worker import Ready, Worker, WorkerError
from reconciler.providers.declaration import Resources
from reconciler.providers.drawn_file import drawn_outcome, takes_over
from reconciler.providers.http.spool_file import unlink
from reconciler.providers.requests.drawing import prepare_drawing
from reconciler.providers.requests.prepared import PreparedRequest, prepare

MAX_DEATHS = 3
"""Workers that may die one after the other before no further one is started."""
_MESSAGE = 500
_NUMBERS = itertools.count(1)


class CommandProvider:
    """A core.ports.Provider. Up to `concurrency` workers are started as they are needed, and kept until the end."""

    def __init__(self, settings: ProviderSettings, resources: Resources) -> None:
        self.settings = settings
        self.resources = resources
        self._places = asyncio.Semaphore(settings.concurrency)
        self._lock = threading.Lock()
        self._idle: list[Worker] = []
        self._deaths = 0
        self._last_death = ""
        resources.at_end(self.end)

    def end(self) -> None:
        """End the workers that are idle."""
        with self._lock:
            workers, self._idle = self._idle, []
        for worker in workers:
            worker.end()

    async def generate(self, request: ImageRequest, *, on_response: OnResponse = ignore_response) -> Outcome:
        """One image, or why not. A cancelled call ends its worker."""
        if request.recipe.images():
            drawing = await asyncio.to_thread(prepare_drawing, request, self.resources.references)
        else:
            drawing = prepare_drawing(request, self.resources.references)  # a thread would take longer
        if isinstance(drawing, Rejected):
            return drawing
        await self._places.acquire()
        slot = CallSlot(self._places, on_response)
        call = _Call(self, request, drawing.ready, drawing.size, slot=slot)
        try:
            return await asyncio.to_thread(call.run)
        except asyncio.CancelledError:
            call.cancel()
            raise
        finally:
            slot.release()

    def take(self) -> Worker:
        """A worker that is idle, or a new one, which may not be ready yet. WorkerError if none can be started."""
        with self._lock:
            if self._idle:
                return self._idle.pop()
            if self._deaths >= MAX_DEATHS:
                raise WorkerError(f"{MAX_DEATHS} workers died one after the other; the last one: {self._last_death}")
        return Worker(self.settings.command)

    def give(self, worker: Worker) -> None:
        """Take a worker back that has answered."""
        with self._lock:
            self._deaths = 0
            self._idle.append(worker)

    def died(self, error: WorkerError) -> Outcome:
        """The outcome of a call whose worker is gone."""
        with self._lock:
            self._deaths += 1
            self._last_death = str(error)
            last = self._deaths >= MAX_DEATHS or not error.sent
        message = f"the worker of {self.settings.name}: {error}"
        if error.sent and not self.settings.traits.free:
            return InDoubt(message)
        return NotSent(message, final=last)


class _Call:
    """One request to a worker, in a thread. `cancel` may be called from another one."""

    def __init__(
        self,
        provider: CommandProvider,
        request: ImageRequest,
        ready: PreparedRequest,
        size: tuple[int, int],
        *,
        slot: CallSlot,
    ) -> None:
        self.answered = False
        self._slot = slot
        self._provider = provider
        self._request = request
        self._ready = ready
        self._size = size
        self._worker: Worker | None = None
        self._cancelled = threading.Event()

    def cancel(self) -> None:
        """End the worker, unless it draws for another request: the thread then comes back, and leaves no file."""
        self._cancelled.set()
        if self._worker is not None and not self.answered:
            self._worker.end(grace=0)

    def run(self) -> Outcome:
        """Blocking. DiskError where our own disk fails."""
        provider = self._provider
        try:
            self._worker = worker = provider.take()
            if self._cancelled.is_set():  # `cancel` may not have seen the worker
                worker.end(grace=0)
            ready = worker.greet(seconds=provider.settings.timeouts.total)
        except WorkerError as error:
            return provider.died(error)
        unknown = _unknown_model(ready, self._request.recipe)
        if unknown is not None or self._cancelled.is_set():
            provider.give(worker)
            return unknown or NotSent("cancelled", final=True)
        try:
            path = self._opened()
        except BaseException:
            provider.give(worker)
            raise
        kept = False
        try:
            reply = worker.draw(self._message(path), seconds=provider.settings.timeouts.total)
            self.answered = True
            provider.give(worker)
            self._slot.response_complete_from_thread()
            outcome = self._outcome(reply, path, ready)
            kept = takes_over(outcome, path)
            return outcome
        except WorkerError as error:
            return provider.died(error)
        finally:
            if not kept or self._cancelled.is_set():
                unlink(path)

    def _opened(self) -> Path:
        try:
            path, file = self._provider.resources.spool.for_attempt(self._request.attempt).open()
            with suppress(OSError):
                file.close()
        except OSError as error:
            raise DiskError(f"no file for the worker's image: {error.strerror}") from error
        return path

    def _message(self, path: Path) -> dict[str, Json]:
        """The request as the worker gets it. Source: docs/local-models.md."""
        recipe, files = self._request.recipe, self._ready
        seed = recipe.params.get("seed")
        return {
            "id": self._request.attempt or f"{self._request.key}-{next(_NUMBERS)}",
            "asset": self._request.asset,
            "recipe": {**recipe.manifest(), "prompt": recipe.prompt},
            "seed": seed if isinstance(seed, int) else recipe_seed(self._request.key),
            "width": self._size[0],
            "height": self._size[1],
            "format": recipe.format,
            "references": [str(each.path) for each in files.references],
            "mask": str(files.mask.path) if files.mask else None,
            "pictures": {each.content: str(each.path) for each in files.files()},
            "out": str(path),
        }

    def _outcome(self, reply: Mapping[str, Any], path: Path, ready: Ready) -> Outcome:
        for word, outcome in (("refused", Refused), ("failed", BadOutput)):
            if word in reply:
                return outcome(one_line(str(reply[word]), _MESSAGE) or f"the worker says {word}, and not why")
        if "done" not in reply:
            return BadOutput("the worker answered with neither done nor refused nor failed")
        changed = prepare(self._request, self._provider.resources.references)
        if isinstance(changed, Rejected):
            return BadOutput(changed.message)
        model = self._request.recipe.model or ready.name
        return drawn_outcome(path, self._request, self._size, model=model, free=self._provider.settings.traits.free)


def _unknown_model(ready: Ready, recipe: Recipe) -> Rejected | None:
    models = ready.models
    if not recipe.model or not models or recipe.model in models:
        return None
    listed = ", ".join(models[:10])
    return Rejected(one_line(f"the worker has no model {recipe.model}; it has {listed}", _MESSAGE))
