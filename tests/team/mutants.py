"""Faults planted in the protocol of claims. The sweep has to find each of them."""

from __future__ import annotations

from pathlib import Path

from reconciler.core.digest import ContentHash, RecipeKey
from reconciler.core.outcome import NotSent, Outcome, Stop
from reconciler.core.ports import ImageRequest, OnResponse, StoredImage, ignore_response
from reconciler.core.recipe_record import decode_record
from reconciler.core.team.claim import WaitFor
from reconciler.core.team.receipts import Disbelieved
from reconciler.core.value import replace
from reconciler.engine.team.claiming import Claiming
from reconciler.engine.team.pushes import Push, Pushes, end_claim, push_image
from reconciler.engine.team.shared import SharedWithTeam
from tests.team.peers import Layers, MortalBucket, PlainReceipts


class ClaimsAfterSending(Claiming):
    """Sends first, and claims then."""

    async def generate(self, request: ImageRequest, *, on_response: OnResponse = ignore_response) -> Outcome:
        outcome = await self._inner.generate(replace(request, attempt=self._new_attempt()), on_response=on_response)
        claim = await self._claimed(request)
        if claim is not None:
            self._pushes.add(claim, outcome)
        return outcome


class ReadsNothingBack(MortalBucket):
    """Takes a lost answer for a claim that was made."""

    def read_back(self, name: str, source: Path | bytes) -> bool:
        return True


class StealsByAge(SharedWithTeam):
    """Buys what another checkout has asked for too long ago."""

    def _look(self, request: ImageRequest) -> Outcome | object:  # type: ignore[override]  # the fault
        found = super()._look(request)
        if isinstance(found, NotSent) and "in doubt" in found.message:
            open_ = self._reader.read(request.key).open
            return super()._look(replace(request, retry_of=tuple(claim.attempt for claim in open_)))
        return found


class EndsBeforePushing(Pushes):
    """Says that the image is there, and brings it then."""

    def _bring(self, push: Push) -> None:
        end_claim(self._team.bucket, self._team.own_claims, push)
        push_image(self._team.bucket, self._team.receipts, push)


class BelievesAnybody(PlainReceipts):
    """Looks at no signature."""

    def read(self, key: RecipeKey, content: ContentHash, data: bytes) -> StoredImage | Disbelieved:
        return decode_record(data.split(b" ", 2)[2]) or Disbelieved("", "")


class EndsEveryOwnClaim(Claiming):
    """Says after a failure that nothing was sent."""

    async def generate(self, request: ImageRequest, *, on_response: OnResponse = ignore_response) -> Outcome:
        claim = await self._claimed(request)
        if claim is None:
            return NotSent("", final=True, stop=Stop.CLAIMED)
        self._pushes.add(claim, NotSent(""))
        return await self._inner.generate(replace(request, attempt=claim.attempt), on_response=on_response)


class IgnoresOpenClaims(SharedWithTeam):
    """Waits for nobody."""

    def _look(self, request: ImageRequest) -> Outcome | object:  # type: ignore[override]  # the fault
        found = super()._look(request)
        if isinstance(found, WaitFor):
            return super()._look(replace(request, retry_of=(found.claim.attempt,)))
        return found


MUTANTS: dict[str, tuple[Layers, type[PlainReceipts]]] = {
    "claim after send": (Layers(claiming=ClaimsAfterSending), PlainReceipts),
    "no read-back": (Layers(bucket=ReadsNothingBack), PlainReceipts),
    "steal by age": (Layers(shared=StealsByAge), PlainReceipts),
    "end before push": (Layers(pushes=EndsBeforePushing), PlainReceipts),
    "unsigned believed": (Layers(), BelievesAnybody),
    "end before answer": (Layers(claiming=EndsEveryOwnClaim), PlainReceipts),
    "open claims ignored": (Layers(shared=IgnoresOpenClaims), PlainReceipts),
}
