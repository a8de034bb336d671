"""What commands learned and did in the team's store, for their reports."""

from __future__ import annotations

from datetime import datetime
from enum import Enum

from reconciler.core.digest import ContentHash
from reconciler.core.team.claim import Claim
from reconciler.core.value import value


class Access(Enum):
    """What the user's credentials allow, as far as a probe tells."""

    WRITES = "writes"
    """Images are bought with claims, and pushed."""
    READS = "reads"
    """Images are restored; nothing is bought with a claim."""
    NO_CLAIMS = "no claims"
    """The server lets a second writer win."""


@value
class TeamStatus:
    """The team's store as this checkout sees it.

    `signed`: only receipts of listed keys count. `unsigned` is why it cannot sign receipts, "" if it can, and
    `sign_hint` what helps. `claims` are those without an end, oldest first, None where the store lists no names. `seen`
    is the time of the last fetch.
    """

    url: str
    me: str
    access: Access
    why: str
    signed: bool
    unsigned: str
    sign_hint: str
    keys: int
    claims: tuple[Claim, ...] | None
    objects: int | None
    seen: str
    now: datetime


@value
class PushFacts:
    """What a push has done. `pushed` and `size` count what the store did not have; `damaged` are files that do not hold
    what their name says, `missing` are locked images that are nowhere in this checkout."""

    url: str
    pushed: int = 0
    size: int = 0
    known: int = 0
    receipts: int = 0
    damaged: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()


class BranchState(Enum):
    """Whether the branch of a root is still there, as far as this clone can tell."""

    HERE = "here"
    GONE = "gone"
    UNKNOWN = "unknown"
    """It is a branch of another project, or one that this clone would not have."""


@value
class TeamRoot:
    """The root of one branch, by the name that `--drop-root` takes. `alone` counts the images that no other branch
    needs; `at` is the time of its last push, "" if it is unknown."""

    name: str
    at: str
    images: int
    alone: int
    state: BranchState


@value
class TeamGarbage:
    """What no project needs. `listed` is what an earlier run has listed at least a day ago, and may be deleted now;
    `waiting` was listed less than a day ago; `new` is listed by none yet. `size` counts all three."""

    listed: tuple[ContentHash, ...] = ()
    waiting: tuple[ContentHash, ...] = ()
    new: tuple[ContentHash, ...] = ()
    kept: int = 0
    projects: tuple[str, ...] = ()
    size: int = 0
    lists: tuple[str, ...] = ()


@value
class TeamDamage:
    """An object of the team's store that is not what its name says; `found` is its hash, None: it is absent although a
    receipt names it."""

    content: ContentHash
    found: ContentHash | None


@value
class TeamVerified:
    """The result of verifying `objects` of `all_objects`."""

    url: str
    objects: int
    all_objects: int
    damaged: tuple[TeamDamage, ...]
