"""Batch jobs of a provider as values: what it says of a job, and of one line of its results."""

from __future__ import annotations

from enum import Enum
from pathlib import Path

from reconciler.core.digest import Json
from reconciler.core.value import value


class JobState(Enum):
    """The state of a job. All but the first are final."""

    WORKING = "working"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    EXPIRED = "expired"
    CANCELLED = "cancelled"


@value
class BatchJob:
    """A job as the provider reports it. `name` is what it was called when it was created; `files` hold its results.

    `message` is the provider's reason for a failure; `done` of `total` requests have an answer, 0 of 0 if unknown.
    """

    job: str
    name: str
    state: JobState
    files: tuple[str, ...] = ()
    message: str = ""
    done: int = 0
    total: int = 0


@value
class NotListed:
    """The provider lists all of its jobs, and this one is not among them."""


@value
class NotAnswered:
    """A free question about a job has no answer. `gone`: the provider says that there is no such job."""

    message: str
    gone: bool = False


@value
class LineAnswer:
    """One line of the results: the id of its request, and the response that it holds as if it had come alone."""

    attempt: str
    status: int
    body: Json
    request: str = ""


@value
class RequestFile:
    """The requests of one job in a file, and our name for it. All have one endpoint and one model."""

    batch: str
    path: Path
    endpoint: str
    model: str
