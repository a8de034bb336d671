"""The nine outcomes of one paid attempt. A closed set: match it exhaustively.

Source: docs/providers.md. `message` is always the text of the provider, for people.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from pathlib import Path

from reconciler.core.digest import ContentHash, Json
from reconciler.core.fit import Misfit
from reconciler.core.images.sniff import ImageFacts
from reconciler.core.lock.entry import Made
from reconciler.core.money.cost import Cost
from reconciler.core.value import field, value


class Stop(Enum):
    """Why no more requests are sent: the first five reasons stop a whole lane, MISMATCHES the requests to one model.

    CLAIMED holds one request back, and says nothing about the provider.
    """

    OUT_OF_CREDIT = "out of credit"
    BAD_KEY = "the key was refused"
    PARKED = "rate limit"
    BREAKER = "too many failures in a row"
    UNREACHABLE = "unreachable"
    MISMATCHES = "the same mismatch again and again"
    OVER_BUDGET = "over budget"
    INTERRUPTED = "interrupted"
    CLAIMED = "claimed by another checkout"


@value
class Spooled:
    """The bytes of one response in a spool file, hashed while they were written. The store takes the file over.

    `called` begins the message that names their file, should the store refuse them.
    """

    path: Path
    content: ContentHash
    size: int
    called: str = field(default="the paid bytes are", compare=False, repr=False)


@value
class Done:
    """200, complete, a valid image. `model` is the model that responded, `request` the provider's id of the request;
    `made` is the record in the store, once there is one."""

    spooled: Spooled
    image: ImageFacts
    model: str = ""
    request: str = ""
    cost: Cost | None = None
    usage: Mapping[str, Json] = field(default_factory=dict)
    message: str = ""
    made: Made | None = None


@value
class Mismatched:
    """200 with a whole image that is not as the spec says. It is paid for, and kept as a candidate of its recipe.

    `message` says what is wrong, as `misfit` does.
    """

    message: str
    misfit: Misfit
    done: Done


@value
class NotSent:
    """No byte of the request was written. Free to try again unless `final` (a certificate error).

    `stop`: it was held back here, since it is over budget, its lane is stopped, or the run is ending. `unreachable`: no
    connection came about, so no other request can be sent now, either.
    """

    message: str
    final: bool = False
    stop: Stop | None = None
    unreachable: bool = False


@value
class Throttled:
    """A well-formed 429 or 503: not charged. `retry_after` in seconds is the minimum for the whole lane.

    `later` says why no retry in this run can help, "" if one may: a limit of 0, or of a day. `of_model`: the limit is
    that of one model.
    """

    message: str
    retry_after: float | None = None
    later: str = ""
    of_model: bool = False


@value
class Rejected:
    """The request is wrong and will fail again (400, 401, 403, 404, 413, 415, 422), or could not be built."""

    message: str
    stop: Stop | None = None


@value
class Refused:
    """The model refuses this recipe. Recorded, so that no later run pays for the same refusal."""

    message: str


@value
class BadOutput:
    """A response without a usable image; it may have been charged. The received bytes are kept."""

    message: str
    kept: Spooled | None = None


@value
class InDoubt:
    """Some of the request was written, and no definite response arrived: it may have been charged."""

    message: str


@value
class Running:
    """The provider has accepted the request as a job, and works on it: its outcome can be looked up later.

    `wait` is the least number of seconds until the next look, if the provider says so. `detached`: the user asked the
    run to leave it to a later one.
    """

    message: str
    wait: float | None = None
    detached: bool = False


Outcome = Done | Mismatched | NotSent | Throttled | Rejected | Refused | BadOutput | InDoubt | Running
