"""Images of a ComfyUI server: free by default, paid for if the settings say that its workflows charge.

The id of an attempt is the id of the job on the server. So a job that an earlier run has left there is found again: it
is waited for, or its image is taken. A job that has failed is left alone, and its successor has the next id.
"""

from __future__ import annotations

import asyncio
import hashlib
import uuid
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from typing import Any

from reconciler.aio import run_to_completion
from reconciler.core.errors import DiskError
from reconciler.core.money.cost import FREE
from reconciler.core.outcome import BadOutput, Done, InDoubt, Mismatched, NotSent, Outcome, Rejected, Stop
from reconciler.core.ports import ImageRequest, OnResponse, ignore_response
from reconciler.core.specs.settings import ProviderSettings
from reconciler.core.value import value
from reconciler.providers.comfyui.answers import (
    ComfyJobState,
    JobAbsent,
    JobFailed,
    JobFinished,
    JobWaits,
    server_image,
    workflow_refusal,
)
from reconciler.providers.comfyui.filled import NO_TEMPLATE, RunnableTemplate, filled, pictures_of, runnable_template
from reconciler.providers.comfyui.lookup import job_at
from reconciler.providers.comfyui.nodes import Nodes
from reconciler.providers.comfyui.server import ComfyServer, Lost
from reconciler.providers.declaration import Resources
from reconciler.providers.http.client import HttpAnswer
from reconciler.providers.http.origins import BadBase, parse_base
from reconciler.providers.http.request import Attachment
from reconciler.providers.http.spool_file import unlink
from reconciler.providers.models.sizes import given_pixels
from reconciler.providers.models.table import model_table
from reconciler.providers.requests.drawing import prepare_drawing
from reconciler.providers.requests.prepared import PreparedRequest
from reconciler.providers.responses.body import keep_verbatim
from reconciler.providers.responses.verify_image import verify_image

MOST_FAILED = 20
"""Jobs of one attempt that have failed before, and are passed over."""
MOST_LOST = 8
"""Questions about a job that may stay without an answer, one after the other, before the job counts as lost."""
MOST_FETCHES = 3
"""Downloads of an image that may fail."""
_FIRST_PAUSE, _LONGEST_PAUSE = 0.05, 1.0
_CANCEL_SECONDS = 3.0


class ComfyProvider:
    """A core.ports.Provider. What the server says about its nodes and its versions is asked once a run."""

    def __init__(
        self,
        settings: ProviderSettings,
        resources: Resources,
        *,
        home: str,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.settings = settings
        self.resources = resources
        self.sleep = sleep
        base = parse_base(settings.base_url or home)
        self.bad_base = base.why if isinstance(base, BadBase) else ""
        assert resources.http is not None  # a provider that is not on this machine is made by `connect`
        self.server = (
            None if isinstance(base, BadBase) else ComfyServer(settings, base, resources.spool, resources.http)
        )
        self.nodes = Nodes()
        self._uploaded: dict[str, asyncio.Lock] = {}
        self._there: set[str] = set()

    async def generate(self, request: ImageRequest, *, on_response: OnResponse = ignore_response) -> Outcome:
        """One image, or why not. A cancelled call of a free workflow cancels its job, too."""
        prepared = await self.prepared(request)
        if isinstance(prepared, PreparedCall):
            return await prepared.call.run(prepared.ready, on_response)
        return prepared

    async def prepared(self, request: ImageRequest) -> PreparedCall | Outcome:
        """A call that may be queued: its images are there, and the server has its nodes and charges for none of them
        unasked. Else why not."""
        if self.server is None:
            return Rejected(f"providers.{self.settings.name}: {self.bad_base}")
        if not request.workflow:
            return Rejected("the spec names no workflow")
        drawing = await asyncio.to_thread(prepare_drawing, request, self.resources.references)
        if isinstance(drawing, Rejected):
            return drawing
        template = runnable_template(request.workflow)
        refused = await self.nodes.refusal(self.server, template, charges=not self.settings.traits.free)
        if isinstance(refused, Lost):
            return _unsent(refused)
        if refused:
            return Rejected(refused)
        return PreparedCall(ComfyCall(self, self.server, request, template, drawing.size), drawing.ready)

    def call(self, request: ImageRequest) -> ComfyCall | None:
        """The call of a job that is on the server already; without its template, if the request has none."""
        if self.server is None:
            return None
        template = runnable_template(request.workflow) if request.workflow else NO_TEMPLATE
        size = given_pixels(request.recipe, model_table().find(request.recipe.model))
        return ComfyCall(self, self.server, request, template, size)

    async def uploaded(self, server: ComfyServer, file: Attachment, *, boundary: str) -> str | Lost | Rejected:
        """The name of an image on the server, by its content. It is uploaded once a run."""
        name = f"{file.content.partition(':')[2]}.{file.format}"
        async with self._uploaded.setdefault(name, asyncio.Lock()):
            if name in self._there:
                return name
            answered = await server.upload(file, name, boundary=boundary)
            if isinstance(answered, Lost):
                return answered
            if answered.status != 200 or not isinstance(answered.body, dict) or answered.body.get("name") != name:
                return Rejected(f"the server does not take a reference ({answered.status})")
            self._there.add(name)
            return name


@value
class PreparedCall:
    """A call, and the files of its images."""

    call: ComfyCall
    ready: PreparedRequest


@value
class QueuedJob:
    """A job on the server. `found`: an earlier run has queued it."""

    name: str
    found: bool


class ComfyCall:
    """One image: queue a job or find it, wait for it, take its image."""

    def __init__(
        self,
        provider: ComfyProvider,
        server: ComfyServer,
        request: ImageRequest,
        template: RunnableTemplate,
        size: tuple[int, int],
    ) -> None:
        self._provider = provider
        self._server = server
        self._request = request
        self._template = template
        self._size = size
        self._free = provider.settings.traits.free
        self._begun = ""
        """The id of the job that may be on the server."""

    async def run(self, ready: PreparedRequest, on_response: OnResponse) -> Outcome:
        names = self._names()
        while True:
            try:
                job = await self._job(ready, names)
                if not isinstance(job, QueuedJob):
                    return job
                ended = await self._ended(job)
            except asyncio.CancelledError:
                await self._cancel()
                raise
            if not isinstance(ended, JobFinished):
                return ended
            outcome = await self.image(job, ended)
            if outcome is not None:
                on_response()
                return outcome
            if not job.found:
                return BadOutput("the server does not have the image that it names")

    def _names(self) -> Iterator[str]:
        """The ids under which the server may have a job of this request. A free one has an id that follows from its
        recipe; one that is paid for may have those of the attempts that it repeats."""
        attempt = self._request.attempt
        if self._free and attempt:
            yield from (job_name(attempt, number) for number in range(MOST_FAILED))
        elif attempt:
            yield from (job_name(earlier, 0) for earlier in self._request.retry_of[:MOST_FAILED])

    async def queued(self, ready: PreparedRequest) -> QueuedJob | Outcome:
        """The job of this request, found or queued."""
        return await self._job(ready, self._names())

    async def _graph(self, ready: PreparedRequest) -> dict[str, Any] | Outcome:
        """The workflow with all that is filled in; its images are on the server."""
        files: dict[str, str] = {}
        for source, file in pictures_of(self._template, ready).items():
            name = await self._provider.uploaded(self._server, file, boundary=ready.boundary)
            if isinstance(name, Lost):
                return _unsent(name)
            if isinstance(name, Rejected):
                return name
            files[source] = name
        return filled(self._template, self._request, self._size, files)

    async def _job(self, ready: PreparedRequest, names: Iterator[str]) -> QueuedJob | Outcome:
        """The job of this request, found or queued. Ids of jobs that have failed are passed over."""
        name = job_name(self._request.attempt, 0) if self._request.attempt and not self._free else str(uuid.uuid4())
        for known in names:
            state = await self.state(known)
            if isinstance(state, Lost):
                return _unsent(state)
            if isinstance(state, JobWaits | JobFinished):
                self._begun = known
                return QueuedJob(known, found=True)
            if isinstance(state, JobAbsent) and self._free:
                name = known
                break
        graph = await self._graph(ready)
        if not isinstance(graph, dict):
            return graph
        self._begun = name
        answered = await self._server.queue({"prompt": graph, "prompt_id": name, "client_id": "reconciler"})
        if isinstance(answered, Lost):
            return await self._perhaps_queued(name, answered)
        body = answered.body
        match answered.status:
            case 200 if isinstance(body, dict) and isinstance(body.get("prompt_id"), str):
                self._begun = body["prompt_id"]
                return QueuedJob(self._begun, found=False)
            case 400:
                return Rejected(f"the server refuses the workflow: {workflow_refusal(body, self._template.titles)}")
            case status if 401 <= status <= 499:
                stop = Stop.BAD_KEY if status in (401, 403) else None
                return Rejected(f"{self._server.base.origin}: {status} instead of a job", stop)
            case status:
                return await self._perhaps_queued(name, Lost(f"{self._server.base.origin}: {status}", sent=True))

    async def _perhaps_queued(self, name: str, lost: Lost) -> QueuedJob | Outcome:
        """The job whose reply was lost, if the server has it."""
        if not lost.sent:
            return _unsent(lost)
        state = await self.state(name)
        if isinstance(state, JobWaits | JobFinished):
            return QueuedJob(name, found=False)
        return NotSent(lost.message) if self._free else InDoubt(lost.message)

    async def _ended(self, job: QueuedJob) -> JobFinished | Outcome:
        """Wait for the end of a job. A job that waits for others has all the time; one that runs has `total`."""
        loop, pause, lost = asyncio.get_running_loop(), _FIRST_PAUSE, 0
        until: float | None = None
        while True:
            state = await self.state(job.name)
            match state:
                case JobFinished():
                    return state
                case JobFailed(message=message, cancelled=cancelled):
                    return NotSent(message, final=True) if cancelled and self._free else BadOutput(message)
                case JobAbsent():
                    return self._gone("the server does not know the job any more: was it started again?")
                case Lost(message=message):
                    lost += 1
                    if lost >= MOST_LOST:
                        return self._gone(message)
                case JobWaits(running=running):
                    lost = 0
                    until = until or (loop.time() + self._provider.settings.timeouts.total if running else None)
            if until is not None and loop.time() > until:
                await self._cancel()
                return self._gone(f"the job took more than {self._provider.settings.timeouts.total:g} s")
            await self._provider.sleep(pause)
            pause = min(pause * 1.5, _LONGEST_PAUSE)

    def _gone(self, message: str) -> Outcome:
        return NotSent(message, final=True) if self._free else InDoubt(message)

    async def state(self, name: str) -> ComfyJobState | Lost:
        """The state of a job of the server."""
        return await job_at(self._server, name, self._template.titles)

    async def _cancel(self) -> None:
        """Cancel a free job, for a short while. One that is paid for goes on."""
        if not self._free or not self._begun:
            return

        async def cancel() -> None:
            state = await self.state(self._begun)
            if isinstance(state, JobWaits):
                await self._server.cancel(self._begun, running=state.running)

        with suppress(TimeoutError, DiskError):
            async with asyncio.timeout(_CANCEL_SECONDS):
                await cancel()

    async def image(self, job: QueuedJob, ended: JobFinished) -> Outcome | None:
        """The outcome of a job that has ended; None if the server has deleted its image."""
        file = server_image(ended.outputs, self._template.output)
        if isinstance(file, str):
            return BadOutput(file)
        spool = self._provider.resources.spool
        if self._request.attempt:
            spool = spool.for_attempt(self._request.attempt)
        lost = ""
        for _ in range(MOST_FETCHES):
            answered = await self._server.image(file, spool)
            if isinstance(answered, HttpAnswer):
                return await self._landed(job, answered)
            lost = answered.message
        return self._gone(lost)

    async def _landed(self, job: QueuedJob, answered: HttpAnswer) -> Outcome | None:
        if answered.status == 404:
            unlink(answered.path)
            return None
        if answered.status != 200 or not answered.whole:
            unlink(answered.path)
            why = f"{answered.status} instead of the image" if answered.whole else "the image is larger than the limit"
            return BadOutput(f"{self._server.base.origin}: {why}")
        try:
            return await run_to_completion(None, self._verified, job, answered)
        except OSError as error:
            raise DiskError(f"cannot read the image in {answered.path}: {error.strerror}") from error

    def _verified(self, job: QueuedJob, answered: HttpAnswer) -> Outcome:
        """Blocking."""
        spooled = keep_verbatim(answered.path)
        if spooled is None:
            unlink(answered.path)
            return BadOutput("the image is empty")
        fills_size = {"width", "height"} <= self._template.sources or self._template is NO_TEMPLATE
        asked = self._size if fills_size else None
        seen = verify_image(spooled.path, self._request.recipe, asked=asked)
        if isinstance(seen, str):
            return BadOutput(seen, spooled)
        done = Done(
            spooled,
            seen.facts,
            model=self._request.recipe.model,
            request=job.name,
            cost=FREE if self._free else None,
            usage=self._provider.nodes.environment(self._template),
        )
        return done if seen.misfit is None else Mismatched(seen.misfit.message, seen.misfit, done)


def _unsent(lost: Lost) -> NotSent:
    """The outcome of a question before anything was queued."""
    return NotSent(lost.message, unreachable=lost.unreachable)


def job_name(attempt: str, number: int) -> str:
    """The id of a job, a canonical UUID: the attempt itself, or the next ones after failed jobs."""
    if not number:
        with suppress(ValueError):
            return str(uuid.UUID(hex=attempt))
    digest = hashlib.sha256(f"{attempt} {number}".encode()).digest()
    return str(uuid.UUID(bytes=digest[:16]))
