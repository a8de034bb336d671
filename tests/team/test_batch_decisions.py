"""What is claimed for a batch, and what is left to another checkout."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from reconciler.core.digest import content_hash
from reconciler.core.errors import BucketDenied, BucketError, BucketUnreachable
from reconciler.core.ports import ImageRequest
from reconciler.core.team.claim import Claim, ClaimEnd, decode_claim, encode_claim, encode_claim_end
from reconciler.core.team.layout import claim_end_name, claim_name
from reconciler.core.value import replace
from reconciler.engine.clock import Clock, stamp
from reconciler.engine.team.batch_claims import BatchClaims
from reconciler.engine.team.context import ClaimOwner, TeamContext
from reconciler.testing.memory_bucket import MemoryBucket
from reconciler.testing.memory_ports import RecordingLog
from tests.team.peers import PeerClaims, PeerJournal, PeerStore, PlainReceipts, a_request

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
HERO = replace(a_request("hero"), attempt="0" * 31 + "1")
ICON = replace(a_request("icon"), attempt="0" * 31 + "2")


class Submission:
    """A checkout that is about to submit, and the team's store."""

    def __init__(self, folder: Path) -> None:
        self.bucket = MemoryBucket()
        self.claims = PeerClaims()
        self.store = PeerStore(folder)

    def take(self, *requests: ImageRequest) -> dict[str, str]:
        async def taken() -> dict[str, str]:
            with ThreadPoolExecutor(4) as threads:
                team = TeamContext(
                    bucket=self.bucket,
                    receipts=PlainReceipts(),
                    own_claims=self.claims,
                    store=self.store,  # type: ignore[arg-type]  # the parts of a project store that are used
                    journal=PeerJournal(),
                    progress=RecordingLog(),
                    owner=ClaimOwner("ben@acme", "desk", "c1", "p"),
                    executor=threads,
                    clock=Clock(utc=lambda: NOW),
                )
                asked = [(request, "0.02 USD") for request in requests]
                return dict(await BatchClaims(team).take("gemini", asked))

        return asyncio.run(taken())

    def claim(self, request: ImageRequest, *, age: timedelta, in_batch: bool = False, number: int = 1) -> Claim:
        """Another checkout has asked."""
        at, by = stamp(NOW - age), stamp(NOW - age + timedelta(minutes=10))
        asked = (number, f"theirs{number}", request.asset, request.key, "gravitex", "0.1 USD", at)
        claim = Claim(*asked, "ana@acme", "ci-771", "gone", "p", by, in_batch=in_batch)
        self.bucket.put_new(claim_name(request.key, number), encode_claim(claim))
        return claim

    def end(self, claim: Claim, outcome: str) -> None:
        content = content_hash(b"theirs") if outcome == "Done" else None
        end = ClaimEnd(claim.attempt, outcome, claim.at, content, "no")
        self.bucket.put_new(claim_end_name(claim.key, claim.number), encode_claim_end(end))

    def own(self, request: ImageRequest, number: int = 1) -> Claim:
        return decode_claim(request.key, number, self.bucket.objects[claim_name(request.key, number)])


@pytest.fixture
def submission(tmp_path: Path) -> Submission:
    return Submission(tmp_path)


def test_each_request_is_claimed_under_its_attempt_for_days(submission: Submission) -> None:
    assert submission.take(HERO, ICON) == {}
    for request in (HERO, ICON):
        claim = submission.own(request)
        assert (claim.attempt, claim.in_batch, claim.provider, claim.cost) == (
            request.attempt, True, "gemini", "0.02 USD",
        )  # fmt: skip
        assert datetime.fromisoformat(claim.answers_by) - NOW == timedelta(days=3)
    assert set(submission.claims.files) == {HERO.attempt, ICON.attempt}


@pytest.mark.parametrize(
    ("age", "in_batch", "words"),
    [
        (timedelta(minutes=1), False, "ci-771 (ana@acme) asked gravitex for the same image"),
        (timedelta(minutes=1), True, "in a batch, and has not collected it"),
        (timedelta(days=1), False, "in doubt: ci-771 (ana@acme) asked gravitex"),
    ],
)
def test_what_another_checkout_has_asked_for_is_left_out(
    submission: Submission, age: timedelta, in_batch: bool, words: str
) -> None:
    submission.claim(HERO, age=age, in_batch=in_batch)
    left = submission.take(HERO, ICON)
    assert list(left) == [HERO.attempt]
    assert words in left[HERO.attempt]
    assert submission.own(ICON).attempt == ICON.attempt
    assert set(submission.claims.files) == {ICON.attempt}


def test_consent_claims_beside_a_request_in_doubt(submission: Submission) -> None:
    theirs = submission.claim(HERO, age=timedelta(days=1))
    again = replace(HERO, retry_of=(theirs.attempt,))
    assert submission.take(again) == {}
    assert submission.own(HERO, 2).retry_of == (theirs.attempt,)


@pytest.mark.parametrize(("outcome", "left"), [("Done", True), ("Refused", True), ("NotSent", False)])
def test_what_another_checkout_was_answered_is_not_bought_again(
    submission: Submission, outcome: str, left: bool
) -> None:
    submission.end(submission.claim(HERO, age=timedelta(days=1)), outcome)
    assert bool(submission.take(HERO)) is left
    assert (claim_name(HERO.key, 2) in submission.bucket.objects) is not left


@pytest.mark.parametrize("error", [BucketDenied("403"), BucketUnreachable("no answer")])
def test_a_store_that_takes_no_claim_keeps_everything_back(submission: Submission, error: BucketError) -> None:
    def fail(method: str, name: str) -> None:
        if method == "put_new":
            raise error

    submission.bucket.fail = fail
    with pytest.raises(BucketError):
        submission.take(HERO)
    assert not submission.bucket.objects


def test_a_number_that_is_taken_and_listed_by_nobody_is_an_error(submission: Submission) -> None:
    class Forgetful(MemoryBucket):
        def names(self, prefix: str) -> Sequence[str]:  # type: ignore[override]  # a sequence suffices
            return ()

    submission.bucket = Forgetful()
    submission.bucket.put_new(claim_name(HERO.key, 1), b"{}")
    with pytest.raises(BucketError, match="does not list it"):
        submission.take(HERO)
