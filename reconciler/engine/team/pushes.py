"""Bring what became durable here to the team's store, in the background: the image, its receipt, the end of its claim.

In this order: an end says that the image and its receipt are there. A run that dies in between leaves a claim without
an end, and its own record of it; its next run brings the rest.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable
from pathlib import Path

from reconciler.aio import run_to_completion
from reconciler.core.errors import BucketError, ReconcilerError
from reconciler.core.lock.lockfile import LockEntry
from reconciler.core.outcome import BadOutput, Done, Mismatched, NotSent, Outcome, Refused, Rejected, Throttled
from reconciler.core.ports import ProjectStore, StoredImage
from reconciler.core.team.bucket import Bucket
from reconciler.core.team.claim import Claim, ClaimEnd, encode_claim_end
from reconciler.core.team.layout import claim_end_name, object_name, receipt_name
from reconciler.core.team.own_claims import OwnClaim, OwnClaimLog
from reconciler.core.team.receipts import Receipts
from reconciler.core.value import value
from reconciler.engine.clock import stamp
from reconciler.engine.team.context import TeamContext

_AT_ONCE = 8


@value
class Push:
    """The end of a claim, and the image that it gave with its path in the local store."""

    claim: Claim
    end: ClaimEnd
    image: StoredImage | None = None
    path: Path | None = None


def push_image(bucket: Bucket, receipts: Receipts, push: Push) -> None:
    """The image, then its receipt. Blocking. Raises BucketError."""
    if push.image is not None and push.path is not None:
        bucket.put_new(object_name(push.image.content), push.path)
        key = push.claim.key
        bucket.put_new(receipt_name(key, push.image.content), receipts.sign(key, push.image))


def end_claim(bucket: Bucket, own_claims: OwnClaimLog, push: Push) -> None:
    """The end of the claim; then its local record goes. Blocking. Raises BucketError."""
    bucket.put_new(claim_end_name(push.claim.key, push.claim.number), encode_claim_end(push.end))
    own_claims.drop(push.claim.attempt)


def push_conversion(bucket: Bucket, receipts: Receipts, store: ProjectStore, entry: LockEntry) -> None:
    """A locked image that was converted from what a provider gave, then its receipt. Blocking. Raises BucketError."""
    image = next(iter(store.recall(entry.key, only=entry.content)), None)
    path = store.find(entry.content)
    if path is not None:
        bucket.put_new(object_name(entry.content), path)
    if image is not None and path is not None:
        bucket.put_new(receipt_name(entry.key, image.content), receipts.sign(entry.key, image))


class Pushes:
    """The pushes of one run. Belongs to one event loop."""

    def __init__(self, team: TeamContext) -> None:
        self._team = team
        self._places = asyncio.Semaphore(_AT_ONCE)
        self._tasks: set[asyncio.Task[None]] = set()
        self.failures: list[ReconcilerError] = []

    def add(self, claim: Claim, outcome: Outcome) -> None:
        """Push what an attempt gave, and end its claim. One in doubt has no end."""
        push = self._push(claim, outcome)
        if push is not None:
            self._begin(self._run(push))

    def convert(self, entries: Iterable[LockEntry]) -> None:
        """Push images that were converted from what a provider gave."""
        for entry in entries:
            self._begin(self._convert(entry))

    async def finish(self) -> int:
        """Wait for all pushes; the number of claims that are left for the next run."""
        while self._tasks:
            await asyncio.gather(*self._tasks)
        return len(self.failures)

    def _begin(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _convert(self, entry: LockEntry) -> None:
        async with self._places:
            try:
                await run_to_completion(self._team.executor, self._bring_conversion, entry)
            except ReconcilerError as error:
                self.failures.append(error)

    def _bring_conversion(self, entry: LockEntry) -> None:
        push_conversion(self._team.bucket, self._team.receipts, self._team.store, entry)

    async def _run(self, push: Push) -> None:
        async with self._places:
            try:
                await run_to_completion(self._team.executor, self._bring, push)
            except ReconcilerError as error:
                self.failures.append(error)

    def _bring(self, push: Push) -> None:
        team = self._team
        try:
            if team.policy.push:
                push_image(team.bucket, team.receipts, push)
            if team.policy.claims:
                end_claim(team.bucket, team.own_claims, push)
        except BucketError:
            if team.policy.claims:
                team.own_claims.write(OwnClaim(push.claim, push.end))
            raise

    def _push(self, claim: Claim, outcome: Outcome) -> Push | None:
        at, name = stamp(self._team.clock.utc()), type(outcome).__name__
        match outcome:
            case Done():
                return _image_push(claim, ClaimEnd(claim.attempt, name, at, outcome.spooled.content), outcome)
            case Mismatched(done=done, message=message):
                end = ClaimEnd(claim.attempt, name, at, done.spooled.content, message)
                return _image_push(claim, end, done, outcome)
            case BadOutput(message=message, kept=kept):
                content = kept.content if kept is not None else None
                return Push(claim, ClaimEnd(claim.attempt, name, at, content, message))
            case NotSent() | Throttled() | Rejected() | Refused():
                return Push(claim, ClaimEnd(claim.attempt, name, at, message=outcome.message))
            case _:  # in doubt
                return None


def _image_push(claim: Claim, end: ClaimEnd, done: Done, mismatched: Mismatched | None = None) -> Push:
    assert done.made is not None  # it is in the store
    misfit = mismatched.misfit if mismatched is not None else None
    image = StoredImage(done.spooled.content, done.image, done.made, claim.attempt, misfit)
    return Push(claim, end, image, done.spooled.path)
