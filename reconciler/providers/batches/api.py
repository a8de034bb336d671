"""The batch API of a provider: its requests as values, and what its JSON says. No network."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

from reconciler.core.batches.jobs import BatchJob, LineAnswer
from reconciler.core.digest import Json
from reconciler.core.outcome import Rejected
from reconciler.core.value import value
from reconciler.providers.http.origins import Base
from reconciler.providers.http.request import Attachment, Piece, WireRequest

JOBS_A_PAGE = 100
"""Jobs of one page of a listing."""


@value
class NewBatch:
    """A job to create: our name for it, the uploaded file, and the endpoint and the model of all its requests."""

    name: str
    upload: str
    endpoint: str
    model: str


ResponseHeaders: TypeAlias = Mapping[str, str]
Upload: TypeAlias = Callable[[Base, str, Attachment], WireRequest]
UploadRest: TypeAlias = Callable[[Base, ResponseHeaders, Attachment], "WireRequest | Rejected | None"]


@value
class BatchApi:
    """The batch API of one type of provider.

    - `most_bytes`: the most bytes of a file with requests.
    - `endpoint`: what all requests of a job must share beside the model. Rejected: this request fits in no batch.
    - `line`: the line of one request, by the id of its attempt.
    - `upload`, `upload_rest`: the requests that upload a file; the second one, if any, follows from the headers of the
      first response. `uploaded` is the id of the file, "" if the response has none.
    - `create`, `look`, `listing`, `cancel`: requests about jobs. A listing begins with the token "".
    - `results`: the request for a file of results.
    - `job`, `page`: a job, or the jobs of a page and the token of the next one, in a response; None: neither.
    - `answer`: one line of the results; None if it names no request.
    """

    most_bytes: int
    endpoint: Callable[[Base, WireRequest], str | Rejected]
    line: Callable[[Base, str, WireRequest], tuple[Piece, ...]]
    upload: Upload
    upload_rest: UploadRest
    uploaded: Callable[[Json], str]
    create: Callable[[Base, NewBatch], WireRequest]
    look: Callable[[Base, str], WireRequest]
    listing: Callable[[Base, str], WireRequest]
    cancel: Callable[[Base, str], WireRequest]
    results: Callable[[Base, str], WireRequest]
    job: Callable[[Json], BatchJob | None]
    page: Callable[[Json], tuple[tuple[BatchJob, ...], str] | None]
    answer: Callable[[Json], LineAnswer | None]


def json_string(value: Json) -> str:
    """A string of a response, "" for anything else."""
    return value if isinstance(value, str) else ""


def json_object(value: Json) -> Mapping[str, Json]:
    """An object of a response, an empty one for anything else."""
    return value if isinstance(value, Mapping) else {}


def json_count(value: Json) -> int:
    """A number of a response, also as a string; 0 for anything else."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 10:
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else 0


def no_second_request(base: Base, headers: ResponseHeaders, file: Attachment) -> None:
    """The `upload_rest` of an API that takes a file in one request."""
    return
