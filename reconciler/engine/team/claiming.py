"""Claim each attempt in the team's store before it is recorded and sent, and end the claim once its end is durable."""

from __future__ import annotations

from collections.abc import Callable

from reconciler.aio import run_to_completion
from reconciler.core.errors import BucketDenied, BucketError, Unsent
from reconciler.core.outcome import NotSent, Outcome, Stop
from reconciler.core.ports import ImageRequest, OnResponse, Provider, ignore_response
from reconciler.core.team.claim import Claim, encode_claim
from reconciler.core.team.layout import MAX_CLAIM, claim_name
from reconciler.core.team.own_claims import OwnClaim
from reconciler.core.value import replace
from reconciler.engine.lane.recorded import Estimate
from reconciler.engine.team.context import TeamContext
from reconciler.engine.team.pushes import Pushes


class Claiming:
    """A Provider that sends only what it has claimed. It stands inside the lane: a claim is made when the request is
    about to be sent, and not while it is queued. In a team without claims, it only pushes what was got.

    `seconds` is the longest time that an answer may take.
    """

    def __init__(
        self,
        inner: Provider,
        *,
        team: TeamContext,
        pushes: Pushes,
        provider: str,
        estimate: Estimate,
        seconds: float,
        new_attempt: Callable[[], str],
    ) -> None:
        self._inner = inner
        self._team = team
        self._pushes = pushes
        self._provider = provider
        self._estimate = estimate
        self._seconds = seconds
        self._new_attempt = new_attempt

    async def generate(self, request: ImageRequest, *, on_response: OnResponse = ignore_response) -> Outcome:
        """`NotSent` with Stop.CLAIMED if the claim was not made: no request was sent, and the lane learns nothing."""
        claim = await self._claimed(request) if self._team.policy.claims else self._claim(request, 0)
        if claim is None:
            return NotSent("not sent: another checkout asks for it", final=True, stop=Stop.CLAIMED)
        try:
            outcome = await self._inner.generate(replace(request, attempt=claim.attempt), on_response=on_response)
        except Unsent as error:
            self._pushes.add(claim, NotSent(error.fact))
            raise
        # after any other error, or a cancellation, the journal decides: the next run ends the claim by it
        self._pushes.add(claim, outcome)
        return outcome

    async def _claimed(self, request: ImageRequest) -> Claim | None:
        """The claim; None if another checkout has its number, or if the team's store refuses it."""
        team, key = self._team, request.key
        async with team.locks[key]:  # a number is taken only once the one before it exists
            claim = self._claim(request, team.last.get(key, 0) + 1)
            team.attempts.add(claim.attempt)
            if not await run_to_completion(team.executor, make_claim, team, claim):
                return None
            team.last[key] = claim.number
            return claim

    def _claim(self, request: ImageRequest, number: int) -> Claim:
        cost = self._estimate(request)
        named = {"provider": self._provider, "cost": "" if cost is None else str(cost)}
        return self._team.claim(request, self._new_attempt(), number=number, seconds=self._seconds, **named)


def make_claim(team: TeamContext, claim: Claim) -> bool:
    """Whether the claim exists now. After a failure that leaves this open, the local record settles it later.
    Blocking."""
    if claim.number > MAX_CLAIM:  # nobody would see it
        team.failures.append(BucketError(f"it has {MAX_CLAIM:,} claims of one recipe, and holds no more"))
        return False
    team.own_claims.write(OwnClaim(claim))
    try:
        made = team.bucket.put_new(claim_name(claim.key, claim.number), encode_claim(claim))
    except BucketError as error:
        team.failures.append(error)
        made = False
        if not isinstance(error, BucketDenied):
            return False
    if not made:
        team.own_claims.drop(claim.attempt)
    return made
