"""Jobs of a ComfyUI server whose workflows cost money. An accepted one is never in doubt."""

from __future__ import annotations

import math

from reconciler.core.jobs import Absent, JobAccepted, Unknown
from reconciler.core.outcome import BadOutput, InDoubt, Outcome, Running
from reconciler.core.ports import ImageRequest
from reconciler.providers.comfyui.answers import JobAbsent, JobFailed, JobFinished, JobWaits
from reconciler.providers.comfyui.provider import ComfyProvider, PreparedCall, QueuedJob, job_name
from reconciler.providers.comfyui.server import Lost


class ComfyJobs:
    """A core.jobs.Jobs. The id of an attempt is the id of its job."""

    def __init__(self, provider: ComfyProvider) -> None:
        self._provider = provider

    @property
    def _address(self) -> str:
        server = self._provider.server
        return f"{server.base.origin}{server.base.path}" if server is not None else ""

    async def submit(self, request: ImageRequest) -> JobAccepted | Outcome:
        """See core.jobs.Jobs. A job of an attempt that this one repeats is taken over, if the server has it."""
        prepared = await self._provider.prepared(request)
        if not isinstance(prepared, PreparedCall):
            return prepared
        job = await prepared.call.queued(prepared.ready)
        return JobAccepted(job.name, self._address) if isinstance(job, QueuedJob) else job

    async def collect(self, request: ImageRequest, job: JobAccepted) -> Outcome:
        """See core.jobs.Jobs. A server that was started again has forgotten its jobs: they may have been charged."""
        call = self._provider.call(request)
        if call is None:
            return Running(self._provider.bad_base)
        if job.url not in ("", self._address):  # any other server would say that there is no such job
            return Running(f"the job was accepted by another server than {self._address}", math.inf)
        match await call.state(job.job):
            case JobFinished() as ended:
                outcome = await call.image(QueuedJob(job.job, found=True), ended)
                return outcome or BadOutput("the server does not have the image that it names")
            case JobFailed(message=message):
                return BadOutput(message)
            case JobAbsent():
                return InDoubt("the server does not know the job any more: was it started again?")
            case JobWaits():
                return Running("the job waits or runs")
            case Lost(message=message):
                return Running(message)

    async def find(self, request: ImageRequest) -> JobAccepted | Absent | Unknown:
        """See core.jobs.Jobs. Never Absent: a server that was started again has forgotten its jobs."""
        call, name = self._provider.call(request), job_name(request.attempt, 0)
        state = await call.state(name) if call is not None else None
        if isinstance(state, JobFinished | JobFailed | JobWaits):
            return JobAccepted(name, self._address)
        return Unknown("the server knows no job of this id")

    async def cancel(self, job: JobAccepted) -> None:
        """See core.jobs.Jobs."""
        if self._provider.server is not None:
            await self._provider.server.cancel(job.job, running=False)
