"""Ask the team before an image is bought: use what another checkout got, wait for what it has asked for, or hold it."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from decimal import Decimal

from reconciler.aio import run_to_completion
from reconciler.core.errors import BucketError, BucketUnreachable
from reconciler.core.events import AnswerRecorded, Forgotten, Noted
from reconciler.core.money.cost import Cost
from reconciler.core.outcome import BadOutput, Done, Mismatched, NotSent, Outcome, Refused, Spooled, Stop
from reconciler.core.ports import ImageRequest, OnResponse, Provider, StoredImage, ignore_response
from reconciler.core.team.claim import (
    GAVE_IMAGE,
    Answered,
    Claim,
    HeldInDoubt,
    Take,
    UseAnswer,
    WaitFor,
    decide_claim,
    patience,
)
from reconciler.core.team.receipts import Disbelieved
from reconciler.core.text import printable
from reconciler.engine.team.context import TeamContext
from reconciler.engine.team.fetching import team_answer
from reconciler.engine.team.team_images import ClaimReader, read_receipt, received_image, take_image

SOON, LATER = 0.5, 5.0
"""Seconds between two looks at a claim: at first, and at most."""
_SLOWER = 1.5
_LOST = 0.1
"""The most seconds until the next look after another checkout took the number of a claim."""
_MOST_LOST = 20
"""The most tries for one number. A store that refuses a number and lists nobody who has it cannot keep claims."""


class SharedWithTeam:
    """A Provider that buys what nobody else has or has asked for. It stands outside the lane: waiting for another
    checkout takes no slot, and its outcome adjusts no limits.
    """

    def __init__(self, inner: Provider, *, team: TeamContext, reader: ClaimReader, currency: str) -> None:
        self._inner = inner
        self._team = team
        self._reader = reader
        self._nothing = Cost(Decimal(0), currency)

    async def generate(self, request: ImageRequest, *, on_response: OnResponse = ignore_response) -> Outcome:
        """The image of another checkout for 0, the inner provider's outcome, or NotSent with Stop.CLAIMED."""
        team, pause, since, lost = self._team, SOON, dict[str, float](), Counter[int]()
        while not team.closed.is_set():
            async with team.locks[request.key]:
                found = await run_to_completion(team.executor, self._look, request)
            if isinstance(found, WaitFor):
                overdue = self._overdue(request, found.claim, since)
                if overdue or not team.policy.waits or found.claim.in_batch:
                    return held((found.claim,), overdue=overdue)
                await self._sleep(pause)
                pause = min(LATER, pause * _SLOWER)
                continue
            if not isinstance(found, Take):
                return found
            outcome = await self._inner.generate(request, on_response=on_response)
            if not (isinstance(outcome, NotSent) and outcome.stop is Stop.CLAIMED):
                return outcome
            if team.failures:
                return refused(team.failures[-1])
            lost[found.number] += 1
            if lost[found.number] >= _MOST_LOST:
                return refused(BucketError(f"it has claim {found.number} of this recipe, and does not list it"))
            await self._sleep(team.jitter() * _LOST * lost[found.number])
        return NotSent("interrupted", final=True, stop=Stop.INTERRUPTED)

    def _look(self, request: ImageRequest) -> Outcome | Take | WaitFor:
        """What the team's store has for this recipe. Blocking."""
        team, key = self._team, request.key
        try:
            if key not in team.listed:
                image = self._received(request)
                if image is not None:
                    return image
            if not team.policy.claims:
                return Take(0)
            state = self._reader.read(key)
            found = decide_claim(
                state,
                own=team.attempts,
                consented=request.retry_of,
                unusable=team.unusable(key),
                retried=team.policy.retried,
                now=team.clock.utc(),
            )
            if isinstance(found, Take):  # else the next number stays taken for this run, whoever decided to buy before
                team.last[key] = max(state.last, team.last.get(key, 0))
            if isinstance(found, HeldInDoubt):
                return held(found.claims, overdue=True)
            return self._answer(request, found.answered) if isinstance(found, UseAnswer) else found
        except BucketError as error:
            team.failures.append(error)
            return refused(error)

    def _received(self, request: ImageRequest) -> Outcome | None:
        """An image for a recipe that the run did not know when it began, by its receipts. Blocking."""
        team, unusable = self._team, self._team.unusable(request.key)
        image = received_image(team.bucket, team.receipts, request.key, unusable=unusable)
        return self._taken(request, image, "the team") if image is not None else None

    def _answer(self, request: ImageRequest, answered: Answered) -> Outcome:
        """The answer of another checkout, which settles the attempts in doubt that this request retries. Blocking."""
        outcome = self._use(request, answered)
        for attempt in () if isinstance(outcome, NotSent) else request.retry_of:
            self._team.journal.record(Forgotten(attempt))
        return outcome

    def _use(self, request: ImageRequest, answered: Answered) -> Outcome:
        """The answer of another checkout. Blocking. Raises BucketError."""
        team, end, owner = self._team, answered.end, answered.claim.owner
        if end.outcome not in GAVE_IMAGE or end.content is None:
            team.journal.record(AnswerRecorded(request.asset, team_answer(answered)))
            made = Refused if end.outcome == Refused.__name__ else BadOutput
            return made(end.message)
        image = read_receipt(team.bucket, team.receipts, request.key, end.content)
        if image is None:
            return _held(f"{owner} has the image, and has not pushed it", "`reconciler push` there brings it")
        if isinstance(image, Disbelieved):
            return _held(f"{owner} has the image, and its receipt is not believed: {image.why}", "")
        outcome = self._taken(request, image, owner)
        if isinstance(outcome, Mismatched):
            team.journal.record(AnswerRecorded(request.asset, team_answer(answered)))
        return outcome

    def _taken(self, request: ImageRequest, image: StoredImage, owner: str) -> Outcome:
        """The image, copied into the local store. Blocking. Raises BucketError, DiskError."""
        team = self._team
        known = take_image(team.bucket, team.store, request.key, image)
        path = team.store.find(image.content)
        if known is None or path is None:
            return _held(f"{owner} has the image, and the team's store has not its bytes as the receipt says", "")
        spooled = Spooled(path, known.content, known.image.size)
        named = (known.made.model, known.made.request, self._nothing, known.made.usage)
        done = Done(spooled, known.image, *named, made=known.made)
        team.note(Noted(request.asset, f"{owner} has it already: 0 {self._nothing.currency}"))
        return Mismatched(known.misfit.message, known.misfit, done) if known.misfit is not None else done

    def _overdue(self, request: ImageRequest, claim: Claim, since: dict[str, float]) -> bool:
        """Whether this run has waited as long as the owner of the claim does, by the clock of this machine."""
        now = self._team.clock.monotonic()
        if claim.attempt not in since and self._team.policy.waits:
            asked = f"asked {printable(claim.provider)} for the same image at {printable(claim.at)}"
            self._team.progress.record(Noted(request.asset, f"waiting: {printable(claim.owner)} {asked}"))
        return now - since.setdefault(claim.attempt, now) > patience(claim)

    async def _sleep(self, seconds: float) -> None:
        """Sleep until the time is over or the run is stopped."""
        closed = asyncio.ensure_future(self._team.closed.wait())
        asleep = asyncio.ensure_future(self._team.clock.sleep(seconds))
        try:
            await asyncio.wait({closed, asleep}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            closed.cancel()
            asleep.cancel()


def held(claims: Sequence[Claim], *, overdue: bool) -> NotSent:
    """Not sent: other checkouts have asked for the same image and not said how that ended."""
    first = claims[0]
    price = f"; it may have cost {printable(first.cost)}" if first.cost else ""
    asked = f"{printable(first.owner)} asked {printable(first.provider)} for the same image at {printable(first.at)}"
    if not overdue and first.in_batch:
        return _held(f"{asked} in a batch, and has not collected it{price}", "")
    if not overdue:
        return _held(f"{asked}, and waits for the answer{price}", "`reconciler apply` without --no-wait waits for it")
    return _held(f"in doubt: {asked}, and has not said how it ended{price}", "")


def refused(error: BucketError) -> NotSent:
    """Not sent: without a claim nothing is bought."""
    if isinstance(error, BucketUnreachable):
        return NotSent(f"not sent: {error.fact}", final=True, stop=Stop.UNREACHABLE)
    return _held(f"it cannot be claimed in the team's store: {error.fact}", error.hint)


def _held(message: str, hint: str) -> NotSent:
    return NotSent(f"{message}; {hint}" if hint else message, final=True, stop=Stop.CLAIMED)
