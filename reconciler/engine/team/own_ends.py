"""End the claims of earlier runs of this checkout, by what its journal, its store and its lockfile say of them.

A claim without a request in the journal was never sent: a run that dies between the two leaves that. A stored image
that never reached the team's store is brought there. A request in doubt keeps its claim open.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from io import BytesIO

from reconciler.core.events import ATTEMPT_DIGITS, Durable, Ended, Forgotten, Requested, settle
from reconciler.core.lock.lockfile import Answer, AnswerKind, Lock
from reconciler.core.outcome import BadOutput, Done, Mismatched, NotSent, Refused
from reconciler.core.ports import Log, ProjectStore, StoredImage
from reconciler.core.team.bucket import Bucket
from reconciler.core.team.claim import CLAIM_BYTES, FORGOTTEN, Claim, ClaimEnd, decode_claim
from reconciler.core.team.layout import claim_name
from reconciler.core.team.own_claims import OwnClaim, OwnClaimLog
from reconciler.core.team.receipts import Receipts
from reconciler.core.value import replace
from reconciler.engine.team.pushes import Push, end_claim, push_image
from reconciler.engine.team.team_images import ClaimReader

_OUTCOMES = {
    AnswerKind.REFUSED: Refused.__name__,
    AnswerKind.MISMATCHED: Mismatched.__name__,
    AnswerKind.FAILED: BadOutput.__name__,
}


@dataclass(frozen=True, slots=True)
class OwnEnds:
    """Ends the claims of this checkout. `push`: images go to the team's store, too."""

    bucket: Bucket
    receipts: Receipts
    own_claims: OwnClaimLog
    store: ProjectStore
    push: bool = True

    def bring(self, events: Collection[Durable], lock: Lock, journal: Log, *, at: str) -> int:
        """End every claim whose end is known; the number of those that were ended. Call it under the apply lock, with
        all events of the journal, before another run closes that. Blocking. Raises BucketError, DiskError.

        A request in doubt that another checkout has retried with consent, and was answered, is settled here, too.
        """
        settled = settle(Lock(), events)
        waiting = frozenset(one.requested.attempt for one in settled.waiting)
        open_ = waiting | {request.attempt for request in settled.in_doubt}
        count = 0
        for own in (*self.own_claims.read(), *self._without_record(events, waiting)):
            attempt = own.claim.attempt
            if own.end is None and attempt in open_:
                if attempt in waiting or not self._is_answered_elsewhere(own.claim):
                    continue  # a job goes on, whoever was answered: its image is paid for
                journal.record(Forgotten(attempt))
                own = OwnClaim(own.claim, ClaimEnd(attempt, FORGOTTEN, at))
            if not self._is_ours(own.claim):
                self.own_claims.drop(attempt)
                continue
            push = self._known_end(own, events, lock.answers.values(), at)
            if self.push:
                push_image(self.bucket, self.receipts, push)
            end_claim(self.bucket, self.own_claims, push)
            count += 1
        return count

    def _without_record(self, events: Collection[Durable], waiting: Collection[str]) -> Iterator[OwnClaim]:
        """The open claims of attempts in the journal whose records a power cut has taken. Those of jobs that go on end
        later."""
        recorded = {*waiting, *(own.claim.attempt for own in self.own_claims.read())}
        for event in events:
            if isinstance(event, Requested) and event.attempt not in recorded:
                for claim in ClaimReader(self.bucket).read(event.key).open:
                    if claim.attempt == event.attempt:
                        yield OwnClaim(claim)

    def _is_answered_elsewhere(self, claim: Claim) -> bool:
        state = ClaimReader(self.bucket).read(claim.key)
        return any(claim.attempt in answered.claim.retry_of for answered in state.answered)

    def _is_ours(self, claim: Claim) -> bool:
        """Whether the claim was made: another checkout may have been quicker, or the store was never reached."""
        sink = BytesIO()
        if not self.bucket.get(claim_name(claim.key, claim.number), sink, most=CLAIM_BYTES):
            return False
        return decode_claim(claim.key, claim.number, sink.getvalue()).attempt == claim.attempt

    def _known_end(self, own: OwnClaim, events: Collection[Durable], answers: Iterable[Answer], at: str) -> Push:
        claim, end = own.claim, own.end
        image = self._image(claim)
        if end is None:
            ends = (*_image_ends(claim, image, at), *_journal_ends(claim, events, at), *_answers(claim, answers, at))
            end = next(iter(ends), ClaimEnd(claim.attempt, NotSent.__name__, at, message="not sent: the run ended"))
        if image is None or image.content != end.content:
            return Push(claim, end)
        return Push(claim, end, image, self.store.find(image.content))

    def _image(self, claim: Claim) -> StoredImage | None:
        for image in self.store.recall(claim.key):
            if claim.attempt in (image.attempt, *image.repeats):
                return replace(image, attempt=claim.attempt, repeats=())
        return None


def _image_ends(claim: Claim, image: StoredImage | None, at: str) -> Iterator[ClaimEnd]:
    if image is not None:
        outcome = Done.__name__ if image.misfit is None else Mismatched.__name__
        yield ClaimEnd(claim.attempt, outcome, at, image.content, image.misfit.message if image.misfit else "")


def _journal_ends(claim: Claim, events: Collection[Durable], at: str) -> Iterator[ClaimEnd]:
    for event in events:
        if isinstance(event, Ended) and event.attempt == claim.attempt:
            yield ClaimEnd(claim.attempt, event.outcome, at, event.kept, event.message)
    if any(isinstance(event, Requested | Forgotten) and event.attempt == claim.attempt for event in events):
        yield ClaimEnd(claim.attempt, FORGOTTEN, at)  # settled by a person, or by the answer to a retry


def _answers(claim: Claim, answers: Iterable[Answer], at: str) -> Iterator[ClaimEnd]:
    """By the lockfile, which keeps answers when the journal is closed."""
    attempt = claim.attempt[:ATTEMPT_DIGITS]
    for answer in answers:
        if answer.key == claim.key and attempt in (answer.attempt, *answer.earlier):
            yield ClaimEnd(claim.attempt, _OUTCOMES[answer.kind], at, answer.content, answer.message)
