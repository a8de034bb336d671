"""The port of a provider that accepts a request as a job, and gives its outcome later."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from reconciler.core.outcome import Outcome
from reconciler.core.ports import ImageRequest
from reconciler.core.value import value


@value
class JobAccepted:
    """The provider has accepted a request as this job. `url` is where it is looked up, `expires` when its result is
    deleted, `account` tells whether a later run has the same key; each "" if unknown. The provider leaves `at` out:
    the engine notes there when it got the job."""

    job: str
    url: str = ""
    expires: str = ""
    account: str = ""
    at: str = ""


@value
class JobNotFound:
    """The provider answers that it has no such job. Just after the job was accepted, it may not know it yet; later the
    job is gone, and may have been charged. `message` is its answer."""

    message: str


@value
class Absent:
    """The provider certainly has no job for an attempt: it may be sent again."""


@value
class Unknown:
    """Nothing can be said about a job for an attempt. `message` says why."""

    message: str = ""


@runtime_checkable
class Jobs(Protocol):
    """A provider that accepts a request as a job, and gives its outcome later. `request.attempt` names the attempt.

    Like a Provider, it never raises for an error of the server.
    """

    async def submit(self, request: ImageRequest) -> JobAccepted | Outcome:
        """Ask for one image, once. An outcome if no job came of it: InDoubt if one may have."""
        ...

    async def collect(self, request: ImageRequest, job: JobAccepted) -> Outcome | JobNotFound:
        """The outcome of a job; Running while it has none. Free, and may be repeated, also in another process.

        JobNotFound if the provider does not know it, InDoubt if it is certainly gone and may have been charged. An
        error that says nothing about the job is Running. Its `wait` is infinite if another look in this run is of no
        use.
        """
        ...

    async def find(self, request: ImageRequest) -> JobAccepted | Absent | Unknown:
        """The job of an attempt whose response to `submit` was lost."""
        ...
