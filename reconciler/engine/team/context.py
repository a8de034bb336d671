"""The team's store as one run uses it: the ports, the identity of the checkout, and what the user allows."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Collection
from concurrent.futures import Executor
from dataclasses import dataclass, field
from datetime import timedelta
from random import random

from reconciler.core.digest import ContentHash, RecipeKey
from reconciler.core.errors import BucketError
from reconciler.core.events import Noted
from reconciler.core.ports import ImageRequest, Log, ProjectStore
from reconciler.core.team.bucket import Bucket
from reconciler.core.team.claim import Claim
from reconciler.core.team.own_claims import OwnClaimLog
from reconciler.core.team.receipts import Receipts
from reconciler.core.value import value
from reconciler.engine.clock import Clock, stamp


@value
class ClaimOwner:
    """Who claims: the person, the machine or CI run, the checkout and the project."""

    by: str = ""
    run: str = ""
    checkout: str = ""
    project: str = ""


@value
class TeamPolicy:
    """What a run may do. `claims`: it buys only what it has claimed. `push`: its images go to the team's store.
    `waits`: it waits for images that other checkouts have asked for. `retried`: the outcomes that it buys again."""

    claims: bool = True
    push: bool = True
    waits: bool = True
    retried: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class TeamContext:
    """What the layers of one run share. `unwanted` are images that reviewers have rejected. `listed` are recipes whose
    receipts this run has looked up already. Belongs to one event loop; `executor` runs what blocks."""

    bucket: Bucket
    receipts: Receipts
    own_claims: OwnClaimLog
    store: ProjectStore
    journal: Log
    progress: Log
    owner: ClaimOwner
    executor: Executor
    policy: TeamPolicy = field(default_factory=TeamPolicy)
    clock: Clock = field(default_factory=Clock)
    unwanted: frozenset[ContentHash] = frozenset()
    jitter: Callable[[], float] = random
    loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.get_running_loop)
    listed: Collection[RecipeKey] = ()
    attempts: set[str] = field(default_factory=set)
    locks: defaultdict[RecipeKey, asyncio.Lock] = field(default_factory=lambda: defaultdict(asyncio.Lock))
    last: dict[RecipeKey, int] = field(default_factory=dict)
    failures: list[BucketError] = field(default_factory=list)
    closed: asyncio.Event = field(default_factory=asyncio.Event)

    def note(self, event: Noted) -> None:
        """Show a notice. From any thread."""
        self.loop.call_soon_threadsafe(self.progress.record, event)

    def drain(self) -> None:
        """Wait for no other checkout any more."""
        self.closed.set()

    def unusable(self, key: RecipeKey) -> frozenset[ContentHash]:
        """The images for a recipe that are here already, or that reviewers have rejected. Blocking."""
        return frozenset(image.content for image in self.store.recall(key)) | self.unwanted

    def claim(
        self, request: ImageRequest, attempt: str, *, number: int, provider: str, cost: str, seconds: float
    ) -> Claim:
        """The claim of one attempt that ends after so many seconds at the latest."""
        now, owner = self.clock.utc(), self.owner
        return Claim(
            number,
            attempt,
            request.asset,
            request.key,
            provider,
            cost,
            stamp(now),
            owner.by,
            owner.run,
            owner.checkout,
            owner.project,
            stamp(now + timedelta(seconds=seconds)),
            request.retry_of,
        )
