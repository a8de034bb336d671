"""Make a Provider of one that works with jobs: submit, record the acceptance, and look until the outcome is there.

`Accepted` is durable before the first look. Whatever happens from then on, the attempt is not in doubt: a cancelled
run, a crash, and a server that cannot be reached all leave a job that the next run collects.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime

from reconciler.aio import run_to_completion
from reconciler.core.errors import DiskError, JobGoesOn
from reconciler.core.events import Accepted, JobLost
from reconciler.core.jobs import Absent, JobAccepted, JobNotFound, Jobs
from reconciler.core.money.cost import Cost
from reconciler.core.outcome import InDoubt, NotSent, Outcome, Running
from reconciler.core.ports import ImageRequest, Log, OnResponse, ignore_response
from reconciler.core.value import replace
from reconciler.engine.clock import Clock, stamp
from reconciler.engine.lane.ends import Ends

FIRST_WAIT = 0.5
"""Seconds between the first two looks at a job; every later wait is longer, ..."""
LONGER = 1.5
LONGEST_WAIT = 10.0
"""... up to this one."""
UNKNOWN_AT_FIRST = 60.0
"""Seconds after its acceptance for which a job may be unknown at another of the provider's servers."""


class JobProvider:
    """A Provider around Jobs. `patience`: the seconds after which a run leaves a job to the next one.

    `detached`: it does not wait for the outcome of a job that it submits.
    """

    def __init__(self, jobs: Jobs, *, journal: Log, clock: Clock, patience: float, detached: bool = False) -> None:
        self._jobs = jobs
        self._journal = journal
        self._clock = clock
        self._patience = patience
        self._detached = detached

    async def generate(self, request: ImageRequest, *, on_response: OnResponse = ignore_response) -> Outcome:
        """One job and its outcome; Running if it is left to a later run. Raises DiskError: Unsent before the request,
        JobGoesOn once it is accepted."""
        job = await self._submitted(request)
        if not isinstance(job, JobAccepted):
            return job
        job = replace(job, at=stamp(self._clock.utc()))
        recipe = request.recipe.manifest()
        accepted = Accepted(request.attempt, request.asset, job.job, job.url, job.expires, recipe, job.account, job.at)
        await run_to_completion(None, self._journal.record, accepted)
        if self._detached:
            on_response()
            return Running(f"submitted as job {job.job}", detached=True)
        return await self.finish(request, job, on_response=on_response)

    async def finish(
        self, request: ImageRequest, job: JobAccepted, *, on_response: OnResponse = ignore_response
    ) -> Outcome:
        """The outcome of an accepted job; Running if it takes too long."""
        wait, end, unknown = FIRST_WAIT, self._clock.monotonic() + self._patience, False
        while True:
            try:
                found = await self._jobs.collect(request, job)
            except DiskError as error:  # never Unsent: the job is accepted
                raise JobGoesOn(f"{error.fact}; {GOES_ON}", hint=error.hint) from error
            last = unknown or self._clock.monotonic() + LONGEST_WAIT > end
            unknown = isinstance(found, JobNotFound)
            outcome = self._lost(found, job, last=last) if isinstance(found, JobNotFound) else found
            if not isinstance(outcome, Running):
                break
            pause = max(wait, outcome.wait or 0.0)
            if self._clock.monotonic() + pause > end:
                return replace(outcome, message=f"{outcome.message}; {GOES_ON}")
            await self._clock.sleep(pause)
            wait = min(wait * LONGER, LONGEST_WAIT)
        on_response()
        if isinstance(outcome, InDoubt):
            await run_to_completion(None, self._journal.record, JobLost(request.attempt))
        return outcome

    def _lost(self, found: JobNotFound, job: JobAccepted, *, last: bool) -> Running | InDoubt:
        """A job that the provider does not know: not yet, or not any more. Unless it is the `last` look, it is asked
        again: one answer may be that of a server that is being replaced."""
        try:
            age = (self._clock.utc() - datetime.fromisoformat(job.at)).total_seconds()
        except (ValueError, TypeError):
            age = UNKNOWN_AT_FIRST
        if abs(age) < UNKNOWN_AT_FIRST:
            return Running(f"the provider does not know job {job.job} yet: {found.message}")
        if not last:
            return Running(f"the provider does not know job {job.job}: {found.message}", LONGEST_WAIT)
        return InDoubt(f"job {job.job} is gone, and may have been charged: {found.message}")

    async def _submitted(self, request: ImageRequest) -> JobAccepted | Outcome:
        job = await self._jobs.submit(request)
        if not isinstance(job, InDoubt):
            return job
        with suppress(DiskError):
            found = await self._jobs.find(request)
            if isinstance(found, JobAccepted):
                return found
            if isinstance(found, Absent):
                return NotSent(f"{job.message}; the provider has no job for it")
        return job


async def collect_job(
    request: ImageRequest, job: JobAccepted, provider: JobProvider, *, ends: Ends, estimate: Cost | None
) -> Outcome:
    """The outcome of a job that an earlier run left, with its bytes in the store and its end in the journal."""
    outcome = await provider.finish(request, job)
    return await run_to_completion(None, ends.record, request, outcome, estimate)


GOES_ON = "the job goes on, and the next apply collects it"
