"""Claim the requests of a batch before it is recorded and sent. Nobody is waited for.

Their ends come with the results, from the journal of this checkout: `OwnEnds` brings them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import FIRST_EXCEPTION, wait

from reconciler.aio import run_to_completion
from reconciler.core.errors import BucketError
from reconciler.core.ports import ImageRequest
from reconciler.core.team.claim import BATCH_TIME, HeldInDoubt, Take, UseAnswer, WaitFor, decide_claim
from reconciler.core.text import printable
from reconciler.core.value import replace
from reconciler.engine.team.claiming import make_claim
from reconciler.engine.team.context import TeamContext
from reconciler.engine.team.shared import held
from reconciler.engine.team.team_images import ClaimReader, received_image

_TRIES = 20
"""For one number. A store that refuses a number and lists nobody who has it cannot keep claims."""


class BatchClaims:
    """The claims of one submission. In a team without claims, it only leaves out images that the team has."""

    def __init__(self, team: TeamContext) -> None:
        self._team = team
        self._reader = ClaimReader(team.bucket)

    async def take(self, provider: str, requests: Sequence[tuple[ImageRequest, str]]) -> Mapping[str, str]:
        """Claim each request, with the estimate of its cost, under its attempt. The attempts that were not claimed,
        each with the reason. Raises BucketError: nothing may be sent then, and a later command ends the claims that
        were made."""
        return await run_to_completion(None, self._take_all, provider, requests)

    def _take_all(self, provider: str, requests: Sequence[tuple[ImageRequest, str]]) -> Mapping[str, str]:
        attempts = [request.attempt for request, _ in requests]
        self._team.attempts.update(attempts)
        taken = [self._team.executor.submit(self._taken, provider, *one) for one in requests]
        if wait(taken, return_when=FIRST_EXCEPTION).not_done:
            for each in taken:
                each.cancel()
            wait(taken)  # one made after this returns would have lost its record: nobody has seen it in the store
            raise next(error for each in taken if not each.cancelled() and (error := each.exception()) is not None)
        return {attempt: why for attempt, each in zip(attempts, taken, strict=True) if (why := each.result())}

    def _taken(self, provider: str, request: ImageRequest, cost: str) -> str:
        """Why a request was not claimed; "" if it was. Blocking."""
        team = self._team
        if request.key not in team.listed:  # nobody has looked whether there is one
            unusable = team.unusable(request.key)
            if received_image(team.bucket, team.receipts, request.key, unusable=unusable) is not None:
                return "the team has the image; `reconciler apply` takes it"
        if not team.policy.claims:
            return ""
        for _ in range(_TRIES):
            found = decide_claim(
                self._reader.read(request.key),
                own=team.attempts,
                consented=request.retry_of,
                unusable=team.unusable(request.key),
                retried=team.policy.retried,
                now=team.clock.utc(),
            )
            match found:
                case WaitFor(claim=claim):
                    return held((claim,), overdue=False).message
                case HeldInDoubt(claims=claims):
                    return held(claims, overdue=True).message
                case UseAnswer(answered=answered):
                    owner = printable(answered.claim.owner)
                    return f"{owner} has an answer for the same image; `reconciler apply` takes it"
                case Take(number=number):
                    named = {"provider": provider, "cost": cost}
                    seconds = BATCH_TIME.total_seconds()
                    claim = team.claim(request, request.attempt, number=number, seconds=seconds, **named)
                    if make_claim(team, replace(claim, in_batch=True)):
                        return ""
                    if team.failures:
                        raise team.failures[-1]
        raise BucketError("it has a claim of this recipe, and does not list it")
