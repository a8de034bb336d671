"""The seven ways in which one paid attempt can end. A closed set: match it exhaustively.

Source: docs/providers.md. `message` is always what the provider itself said, for people.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from pathlib import Path

from reconciler.core.digest import ContentHash, Json
from reconciler.core.images.sniff import ImageFacts
from reconciler.core.lock.entry import Made
from reconciler.core.money.cost import Cost
from reconciler.core.value import field, value


class Stop(Enum):
    """Why nothing more is sent, whatever the request: the first four stop a whole lane."""

    OUT_OF_CREDIT = "out of credit"
    BAD_KEY = "the key was refused"
    PARKED = "rate limit"
    BREAKER = "too many failures in a row"
    OVER_BUDGET = "over budget"
    INTERRUPTED = "interrupted"


@value
class Spooled:
    """Bytes of one answer in a file of ours, hashed while they were written. The store takes the file over."""

    path: Path
    content: ContentHash
    size: int


@value
class Done:
    """200, complete, a valid image. `model` is the one that answered, `request` its id for the support desk; `made` is
    what the store remembers of it, once it does."""

    spooled: Spooled
    image: ImageFacts
    model: str = ""
    request: str = ""
    cost: Cost | None = None
    usage: Mapping[str, Json] = field(default_factory=dict)
    message: str = ""
    made: Made | None = None


@value
class NotSent:
    """No byte of the request was written. Free to try again unless `final` (a certificate error).

    `stop` says that we held it back ourselves: over budget, a lane that is stopped, or the run is ending.
    """

    message: str
    final: bool = False
    stop: Stop | None = None


@value
class Throttled:
    """A well-formed 429 or 503: not charged. `retry_after` in seconds is the minimum for the whole lane."""

    message: str
    retry_after: float | None = None


@value
class Rejected:
    """The request is wrong and always will be (400, 401, 403, 404, 413, 415, 422), or was never sendable."""

    message: str
    stop: Stop | None = None


@value
class Refused:
    """The model will not draw this. Recorded, so that the same refusal is not bought every run."""

    message: str


@value
class BadOutput:
    """An answer that is not the image asked for; maybe charged. Whatever bytes came are kept."""

    message: str
    kept: Spooled | None = None


@value
class InDoubt:
    """Some of the request was written and no definite answer came: it may have been charged."""

    message: str


Outcome = Done | NotSent | Throttled | Rejected | Refused | BadOutput | InDoubt
