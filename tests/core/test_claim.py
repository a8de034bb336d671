"""What the claims of a team say about a recipe."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.core.digest import AssetId, ContentHash, content_hash
from reconciler.core.team.claim import (
    ANSWERED,
    BATCH_TIME,
    CLAIM_BYTES,
    CLOCK_SKEW,
    FORGOTTEN,
    Answered,
    Claim,
    ClaimDecision,
    ClaimEnd,
    HeldInDoubt,
    KeyClaims,
    Take,
    UseAnswer,
    WaitFor,
    claim_json,
    claim_of_json,
    decide_claim,
    decode_claim,
    decode_claim_end,
    encode_claim,
    encode_claim_end,
    patience,
    settle_claims,
)
from reconciler.core.value import replace
from tests.builders import a_recipe

FORMATS = Path(__file__).parents[1] / "formats"
KEY = a_recipe().key()
AT = datetime(2026, 11, 28, 10, 0, tzinfo=UTC)
IMAGE, OTHER = content_hash(b"image"), content_hash(b"other")


def a_claim(number: int = 1, **fields: object) -> Claim:
    given = {
        "attempt": f"a{number}",
        "asset": AssetId("hero"),
        "key": KEY,
        "provider": "gravitex",
        "cost": "0.134 USD",
        "at": "2026-11-28T10:00:00Z",
        "by": "ana@acme",
        "run": "ci-771",
        "checkout": "c1",
        "project": "p1",
        "answers_by": "2026-11-28T10:10:00Z",
        **fields,
    }
    return Claim(number, **given)  # type: ignore[arg-type]  # the fields of a claim


def an_end(claim: Claim, outcome: str = "Done", content: ContentHash | None = IMAGE) -> ClaimEnd:
    return ClaimEnd(
        claim.attempt, outcome, "2026-11-28T10:00:12Z", content if outcome in ("Done", "Mismatched") else None
    )


def decided(
    *claims: Claim, ends: dict[int, ClaimEnd] | None = None, after: timedelta = timedelta(), **given: object
) -> ClaimDecision:
    named = {"own": (), "consented": (), "unusable": (), "retried": (), **given}
    return decide_claim(settle_claims(claims, ends or {}), now=AT + after, **named)  # type: ignore[arg-type]  # the names of parameters


def test_a_recipe_without_claims_is_bought() -> None:
    assert decided() == Take(1)


def test_an_open_claim_is_waited_for_and_then_held_whatever_its_age() -> None:
    claim = a_claim()
    assert decided(claim) == WaitFor(claim)
    assert decided(claim, after=timedelta(minutes=10) + CLOCK_SKEW) == WaitFor(claim)
    for age in (timedelta(minutes=21), timedelta(days=1), timedelta(days=3650)):
        assert decided(claim, after=age) == HeldInDoubt((claim,))


def test_consent_buys_again_and_its_answer_settles_the_first_claim() -> None:
    first = a_claim()
    late = timedelta(days=1)
    assert decided(first, after=late, consented={"a1"}) == Take(2)
    second = a_claim(2, retry_of=("a1",), at="2026-11-29T10:00:00Z", answers_by="2026-11-29T10:10:00Z")
    assert decided(first, second, after=late) == WaitFor(second)
    assert decided(first, second, ends={2: an_end(second)}) == UseAnswer(Answered(second, an_end(second)))
    free = {2: an_end(second, "NotSent")}
    assert decided(first, second, ends=free, after=late) == HeldInDoubt((first,))


@pytest.mark.parametrize("outcome", ["NotSent", "Throttled", "Rejected", FORGOTTEN])
def test_after_a_free_end_the_next_number_is_free(outcome: str) -> None:
    claim = a_claim()
    assert decided(claim, ends={1: an_end(claim, outcome)}) == Take(2)


@pytest.mark.parametrize("outcome", ANSWERED)
def test_an_answer_is_used(outcome: str) -> None:
    claim = a_claim()
    assert decided(claim, ends={1: an_end(claim, outcome)}) == UseAnswer(Answered(claim, an_end(claim, outcome)))


def test_an_answer_that_the_user_retries_is_bought_again() -> None:
    claim = a_claim()
    ends = {1: an_end(claim, "Refused")}
    assert decided(claim, ends=ends, retried={"Refused"}) == Take(2)
    assert isinstance(decided(claim, ends=ends, retried={"BadOutput"}), UseAnswer)


def test_an_image_that_is_here_already_is_no_answer_and_another_one_is() -> None:
    first, second = a_claim(), a_claim(2)
    ends = {1: an_end(first), 2: an_end(second, content=OTHER)}
    assert decided(first, second, ends=ends, unusable={OTHER}) == UseAnswer(Answered(first, ends[1]))
    assert decided(first, second, ends=ends, unusable={IMAGE, OTHER}) == Take(3)


def test_an_image_settles_an_older_refusal() -> None:
    first, second = a_claim(), a_claim(2)
    ends = {1: an_end(first, "Refused"), 2: an_end(second)}
    assert decided(first, second, ends=ends, unusable={IMAGE}) == Take(3)


def test_own_claims_of_this_run_do_not_hold_it_up() -> None:
    assert decided(a_claim(), own={"a1"}) == Take(2)


def test_an_end_of_another_attempt_ends_nothing() -> None:
    claim = a_claim()
    assert decided(claim, ends={1: replace(an_end(claim), attempt="somebody")}) == WaitFor(claim)


def test_what_cannot_be_read_is_a_claim_in_doubt_that_consent_settles() -> None:
    for data in (b"", b"{", b"[]", b'{"v":2}', b"x" * (CLAIM_BYTES + 1), encode_claim(a_claim())[:-9]):
        claim = decode_claim(KEY, 7, data)
        assert decided(claim) == HeldInDoubt((claim,))
        assert decided(claim, consented={claim.attempt}) == Take(8)


@pytest.mark.parametrize("data", [b"", b"{}", b'{"v":1,"attempt":"a1","outcome":"Done","at":""}', b"\xff"])
def test_an_end_that_cannot_be_read_ends_nothing(data: bytes) -> None:
    assert decode_claim_end(data) is None


def test_a_claim_whose_times_are_impossible_is_not_waited_for() -> None:
    for odd in (a_claim(answers_by="2036-01-01T00:00:00Z"), a_claim(at="soon"), a_claim(answers_by="")):
        assert decided(odd) == HeldInDoubt((odd,))
    ahead = a_claim(at="2100-01-01T00:00:00Z", answers_by="2100-01-01T00:10:00Z")
    assert decided(ahead) == HeldInDoubt((ahead,)), "a clock that is years ahead blocks nobody for years"
    near = a_claim(at="2026-11-28T15:00:00Z", answers_by="2026-11-28T15:10:00Z")
    assert decided(near) == WaitFor(near), "this machine's clock may be behind"
    last = "9999-12-31T23:59:59-23:00"
    for end in (last, "0001-01-01T00:00:00+23:00"):
        assert isinstance(decided(a_claim(at=end, answers_by=end)), HeldInDoubt)
        assert isinstance(decided(a_claim(answers_by=end)), HeldInDoubt)
    assert patience(a_claim()) == 600.0
    assert patience(a_claim(answers_by="9999-01-01T00:00:00Z")) <= 6 * 3600


def test_version_1_is_read_for_ever() -> None:
    claim, end, forgotten, batched = (FORMATS / "claims-v1.jsonl").read_bytes().splitlines(keepends=True)
    known = a_claim(3, retry_of=("a1", "a2"))
    assert decode_claim(KEY, 3, claim) == known
    assert encode_claim(known) == claim
    assert decode_claim_end(end) == an_end(known)
    assert encode_claim_end(an_end(known)) == end
    assert decode_claim_end(forgotten) == ClaimEnd(
        "a1", FORGOTTEN, "2026-11-28T11:00:00Z", by="ben@acme", message="paid"
    )
    in_batch = replace(known, in_batch=True, answers_by="2026-12-01T10:00:00Z")
    assert decode_claim(KEY, 3, batched) == in_batch
    assert encode_claim(in_batch) == batched
    for one in (known, in_batch):
        assert claim_of_json(claim_json(one)) == one  # type: ignore[arg-type]  # a mapping


def test_the_image_of_a_batch_is_expected_for_days_and_that_of_another_request_is_not() -> None:
    at = datetime.fromisoformat(a_claim().at)
    end = f"{at + BATCH_TIME:%Y-%m-%dT%H:%M:%SZ}"
    batch = a_claim(in_batch=True, answers_by=end)
    assert decided(batch, after=BATCH_TIME - timedelta(hours=1)) == WaitFor(batch)
    assert decided(batch, after=BATCH_TIME + timedelta(hours=1)) == HeldInDoubt((batch,))
    assert isinstance(decided(a_claim(answers_by=end)), HeldInDoubt), "no clock of ours wrote that"
    beyond = a_claim(in_batch=True, answers_by=f"{at + 2 * BATCH_TIME:%Y-%m-%dT%H:%M:%SZ}")
    assert isinstance(decided(beyond), HeldInDoubt)
    assert decided(batch, a_claim(2)) == WaitFor(batch), "nobody waits for the other one, either"


CLAIMS = st.lists(st.tuples(st.sampled_from(["", *ANSWERED, "NotSent", FORGOTTEN]), st.booleans()), max_size=6)


@given(CLAIMS, st.integers(0, 60))
def test_nobody_buys_beside_an_open_claim_without_consent_and_no_number_is_used_twice(
    history: list[tuple[str, bool]], minutes: int
) -> None:
    """Whatever was claimed, ended and consented to before: what is bought next has a new number, and no open claim that
    no answer settled."""
    claims: list[Claim] = []
    ends: dict[int, ClaimEnd] = {}
    for number, (outcome, retries) in enumerate(history, start=1):
        state = settle_claims(claims, ends)
        claim = a_claim(number, retry_of=tuple(one.attempt for one in state.open) if retries else ())
        claims.append(claim)
        if outcome:
            ends[number] = an_end(claim, outcome)
    state = settle_claims(claims, ends)
    found = decided(*claims, ends=ends, after=timedelta(minutes=minutes))
    if isinstance(found, Take):
        assert not state.open
        assert found.number == len(history) + 1
    if isinstance(found, WaitFor):
        assert found.claim in state.open
    if isinstance(found, HeldInDoubt):
        assert set(found.claims) == set(state.open)
    asked = decided(*claims, ends=ends, consented={one.attempt for one in state.open}, unusable={IMAGE},
                    retried=ANSWERED)  # fmt: skip
    assert asked == Take(len(history) + 1)
    assert state == KeyClaims(state.open, state.answered, len(history))
