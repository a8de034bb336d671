"""An API of jobs as values: how its answers are read, and where a job is looked up. No network."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TypeAlias

from reconciler.core.digest import Json
from reconciler.core.jobs import JobAccepted, JobNotFound
from reconciler.core.outcome import Outcome
from reconciler.core.value import field, value
from reconciler.providers.http.origins import Base, WebOrigin, parse_base
from reconciler.providers.http.request import RequestJson
from reconciler.providers.responses.reply import JsonReply, Reply


@value
class JobWorks:
    """The job has no outcome yet, or this look says nothing about it."""

    message: str


@value
class JobDone:
    """The response has the image, or its URL."""


@value
class JobResult:
    """The image is in the response to a GET of this URL."""

    url: str


LookState = JobWorks | JobDone | JobResult | JobNotFound | Outcome
ReadState: TypeAlias = Callable[[Reply], LookState]
OwnOrigin: TypeAlias = Callable[[WebOrigin, Base], bool]
Sent: TypeAlias = Mapping[str, RequestJson]


def same_origin(origin: WebOrigin, base: Base) -> bool:
    """The rule of an API whose jobs are looked up at the server that accepted them."""
    return origin == base.origin


def same_state(reply: Reply) -> LookState:
    """For an API without a response beside that of the look."""
    return JobDone()


@value
class JobApi:
    """The API of jobs of one type of provider.

    - `accepted`: the job in the response to a request; None: there is none.
    - `state`: a job by the response to a look at it; `result`: by the response to the GET of a JobResult.
    - `own`: whether the key may be sent to an origin that a response names.
    - `results_live`: seconds for which a result is kept after the request; 0 if that is unknown.
    - `listing`: the path that lists the latest jobs, "" if the API has none. `listed`: those jobs of the listing that
      this request can have made, which was sent after a point in time.
    """

    accepted: Callable[[Json], JobAccepted | None]
    state: ReadState
    result: ReadState = same_state
    own: OwnOrigin = same_origin
    results_live: int = 0
    listing: str = ""
    listed: Callable[[Json, Sent, datetime], tuple[JobAccepted, ...]] = field(default=lambda _, __, ___: ())


def is_own_url(url: str, base: Base, api: JobApi) -> bool:
    """Whether a URL is one of the API: the key may be sent to it."""
    scheme, _, rest = url.partition("://")
    host, slash, _ = rest.partition("/")
    origin = parse_base(f"{scheme}://{host}")
    return isinstance(origin, Base) and bool(slash) and api.own(origin.origin, base)


def json_of(reply: Reply) -> Mapping[str, Json]:
    """The JSON object of a response, an empty one for anything else."""
    value = reply.body.value if isinstance(reply.body, JsonReply) else None
    return value if isinstance(value, Mapping) else {}


def text_of(value: Json) -> str:
    """A string of a response; "" for anything else, and for one too long to be a name, a status or a URL."""
    return value if isinstance(value, str) and not value.startswith("\0") else ""
