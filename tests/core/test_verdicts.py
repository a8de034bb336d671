"""The rules of reviews: whose verdict counts, which one, and what they come to together."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.core.digest import ContentHash
from reconciler.core.errors import Place
from reconciler.core.plan.observed import Rejection
from reconciler.core.reviews.compact import compacted
from reconciler.core.reviews.rules import ReviewRules
from reconciler.core.reviews.verdict import (
    MAX_NOTE,
    Judgement,
    UnreadableVerdict,
    Verdict,
    read_verdict,
    signed_text,
    verdict_line,
)
from reconciler.core.reviews.verdicts import ReviewState, later, rejections, standing, standings
from reconciler.core.value import replace
from tests.builders import a_recipe, bytes_of

A, R, W, N = Judgement.APPROVE, Judgement.REJECT, Judgement.WITHDRAW, Judgement.NOTE
PICTURE = bytes_of("made")
KEY = a_recipe().key()
ANYBODY = ReviewRules()
HERE = Place("reviews/a.jsonl", 1)


def said(judgement: Judgement, by: str = "ada", second: int = 0, **more: Any) -> Verdict:
    fields: dict[str, Any] = {"asset": "hero", "content": PICTURE, "recipe": KEY, "note": ""} | more
    return Verdict(by=f"{by}@x.org", at=f"2026-11-27T12:00:{second:02}Z", judgement=judgement, **fields)


def state(*verdicts: Verdict, **rules: Any) -> str:
    return standing(verdicts, ReviewRules(**rules)).state.value


@pytest.mark.parametrize(
    ("verdicts", "result"),
    [
        ([], "open"),
        ([said(A)], "approved"),
        ([said(R)], "rejected"),
        ([said(W)], "open"),
        ([said(N, note="look at the mast")], "open"),
        ([said(A), said(R, second=1)], "rejected"),
        ([said(R), said(A, second=1)], "approved"),
        ([said(A), said(W, second=1)], "open"),
        ([said(R), said(W, second=1)], "open"),
        ([said(A), said(N, second=1)], "approved"),
        ([said(A), said(R)], "rejected"),  # in the same second
        ([said(A), said(W)], "open"),
        ([said(R), said(W)], "rejected"),
        ([said(A), said(A, "bob"), said(A, "cy"), said(R, "eve")], "rejected"),
        ([said(R, "eve"), said(A, second=1), said(W, "eve", second=2)], "approved"),
    ],
)
def test_the_last_word_of_each_person_and_one_rejection_wins(verdicts: list[Verdict], result: str) -> None:
    assert state(*verdicts) == result


def test_an_image_needs_so_many_approvals_of_different_people() -> None:
    twice = (said(A), said(A, second=1, note="still"))
    assert state(*twice, minimum=2) == "open"
    assert state(*twice, said(A, "bob"), minimum=2) == "approved"
    assert state(said(A), minimum=0) == "approved"
    assert state(minimum=0) == "open"


def test_only_reviewers_count_and_the_others_are_named() -> None:
    found = standing([said(A, "eve"), said(R, "bob")], ReviewRules(reviewers=("ada@x.org",)))
    assert (found.state, found.verdicts) == (ReviewState.OPEN, ())
    assert [(verdict.by, why) for verdict, why in found.uncounted] == [
        ("eve@x.org", "not a reviewer"),
        ("bob@x.org", "not a reviewer"),
    ]


def test_what_does_not_count_for_another_reason_is_as_if_it_was_never_said() -> None:
    found = standing([said(A), said(R, "bob")], ANYBODY, uncounted=lambda one: "no" if one.by == "bob@x.org" else "")
    assert found.state is ReviewState.APPROVED
    assert found.uncounted == ((said(R, "bob"), "no"),)


def test_the_notes_are_all_there_oldest_first() -> None:
    found = standing([said(R, second=3, note="no"), said(N, "bob", note="hm"), said(A)], ANYBODY)
    assert [each.note for each in found.notes] == ["hm", "no"]
    assert found.latest == said(R, second=3, note="no")


def test_a_rejection_is_known_by_content_recipe_and_original() -> None:
    png, other = bytes_of("png"), a_recipe("an owl").key()
    converted = said(R, note="bent", original=png)
    found = rejections([converted, said(R, "bob", content=bytes_of("x"), recipe=other), said(A, "bob")], ANYBODY)
    why = Rejection("ada@x.org", "2026-11-27T12:00:00Z", "bent")
    assert found.of(PICTURE) == found.of(bytes_of("y"), PICTURE) == found.recipes[KEY] == why
    assert found.of_existing(PICTURE) == found.of_existing(png) == found.of_existing(bytes_of("y"), png) == why
    assert found.of(png) is None, "what is locked is judged by itself"
    assert found.of_existing(bytes_of("y")) is None
    assert set(found.recipes) == {KEY, other}
    assert rejections([converted, said(W, second=1)], ANYBODY).contents == {}
    approved = said(A, content=png)
    assert rejections([converted, approved], ANYBODY).of_existing(png) is None, (
        "somebody looked at that one, and liked it"
    )


def test_the_latest_rejection_is_the_one_that_is_named() -> None:
    found = rejections([said(R, "ada", 5, note="late"), said(R, "bob", 1, note="early")], ANYBODY)
    assert found.contents[PICTURE].note == "late"


verdicts_ = st.lists(
    st.builds(
        said,
        st.sampled_from(Judgement),
        st.sampled_from(["ada", "bob", "eve"]),
        st.integers(0, 4),
        content=st.sampled_from([bytes_of("a"), bytes_of("b")]),
        recipe=st.sampled_from([KEY, a_recipe("an owl").key(), None]),
        note=st.sampled_from(["", "x", "y"]),
        original=st.sampled_from([None, bytes_of("a"), bytes_of("c")]),
    ),
    max_size=8,
)
rules_ = st.builds(ReviewRules, reviewers=st.sampled_from([(), ("ada@x.org", "bob@x.org")]), minimum=st.integers(1, 2))


@given(verdicts_, rules_, st.randoms(use_true_random=False))
def test_the_order_and_repetition_of_lines_change_nothing(
    verdicts: list[Verdict], rules: ReviewRules, chance: Any
) -> None:
    shuffled = [*verdicts, *chance.choices(verdicts, k=3)] if verdicts else []
    chance.shuffle(shuffled)
    assert standings(shuffled, rules) == standings(verdicts, rules)
    assert rejections(shuffled, rules) == rejections(verdicts, rules)


@given(verdicts_, rules_)
def test_no_image_is_approved_against_a_standing_rejection_or_by_too_few(
    verdicts: list[Verdict], rules: ReviewRules
) -> None:
    counted = [each for each in verdicts if not rules.reviewers or each.by in rules.reviewers]
    for content, found in standings(verdicts, rules).items():
        if found.state is ReviewState.APPROVED:
            approvers = {each.by for each in counted if each.content == content and each.judgement is A}
            assert len(approvers) >= rules.minimum
            for by in {each.by for each in counted if each.content == content and each.judgement is R}:
                own = [each for each in counted if each.content == content and each.by == by]
                last = max(each.at for each in own if each.judgement is not N)
                assert all(each.judgement is not R for each in own if each.at == last)
        rejected = found.state is ReviewState.REJECTED
        assert rejected <= (rejections(verdicts, rules).of(content) is not None)


@given(verdicts_, st.sampled_from(Judgement))
def test_the_next_word_of_a_person_counts(verdicts: list[Verdict], judgement: Judgement) -> None:
    """Even within a second, and against lines from the future."""
    now = datetime(2026, 11, 27, 12, tzinfo=UTC)
    at = later(now, verdicts, by="ada@x.org", content=bytes_of("a"))
    new = replace(said(judgement, content=bytes_of("a")), at=at)
    found = standing([each for each in (*verdicts, new) if each.content == new.content], ANYBODY)
    assert (judgement is R and new in found.verdicts) or judgement is not R
    if judgement in (A, W):
        assert all(each.by != new.by or each == new for each in found.verdicts)


def test_a_time_after_the_last_one_there_is() -> None:
    last = replace(said(A), at="9999-12-31T23:59:59Z")
    with pytest.raises(OverflowError):
        later(datetime(2026, 11, 27, tzinfo=UTC), [last], by=last.by, content=last.content)


@given(verdicts_, rules_, st.sets(st.sampled_from([bytes_of("a"), bytes_of("b")])))
def test_a_compaction_changes_no_result(verdicts: list[Verdict], rules: ReviewRules, named: set[ContentHash]) -> None:
    """Of any image that a lockfile names, and no rejection of any other, even where some verdicts do not count."""

    def uncounted(verdict: Verdict) -> str:
        return "no" if verdict.note == "y" else ""

    kept = compacted(verdicts, named, uncounted=uncounted)
    assert set(kept) <= set(verdicts)
    assert compacted(kept, named, uncounted=uncounted) == kept
    before, after = standings(verdicts, rules, uncounted=uncounted), standings(kept, rules, uncounted=uncounted)
    for content, result in before.items():
        if content in named:
            assert after[content].state is result.state
            assert after[content].verdicts == result.verdicts
        else:
            assert (content in after and after[content].state is ReviewState.REJECTED) == (
                result.state is ReviewState.REJECTED
            )
    gone, left = (rejections(each, rules, uncounted=uncounted) for each in (verdicts, kept))
    assert left == gone


def test_a_forged_line_replaces_no_other_in_a_compaction() -> None:
    forged = said(A, second=9, note="forged")
    kept = compacted([said(R), forged], [PICTURE], uncounted=lambda one: "not signed" if one == forged else "")
    assert set(kept) == {said(R), forged}


# Lines

FIXTURE = (Path(__file__).parents[1] / "formats/reviews-v1.jsonl").read_text("utf-8")


def test_the_fixture_of_version_1_is_read_and_written_as_it_is() -> None:
    found = [read_verdict(line, HERE) for line in FIXTURE.splitlines()]
    assert all(isinstance(each, Verdict) for each in found)
    verdicts = [each for each in found if isinstance(each, Verdict)]
    assert "".join(f"{verdict_line(each)}\n" for each in verdicts) == FIXTURE
    assert [each.judgement for each in verdicts] == [A, R, W, N, A, A]
    assert verdicts[1].note == "the blade is bent:\n“left” edge"
    assert verdicts[1].original is not None
    assert state(*(each for each in verdicts if each.asset == "hero")) == "approved"
    assert verdicts[4].signature
    assert (verdicts[5].asset, verdicts[5].recipe) == ("hero~og", None)


@given(verdicts_)
def test_a_line_gives_the_same_verdict_again(verdicts: list[Verdict]) -> None:
    for verdict in verdicts:
        signed = replace(verdict, signature="U1NIU0lH", note="né\n\u202e\ud800")
        assert read_verdict(verdict_line(signed), HERE) == signed
        assert "\n" not in verdict_line(signed)
        verdict_line(signed).encode()
        assert signed_text(signed) == signed_text(replace(signed, signature=""))


GOOD = json.loads(verdict_line(said(A, note="well")))


@pytest.mark.parametrize(
    ("change", "fact"),
    [
        ({"verdict": "approved"}, "verdict: 'approved' is not approve"),
        ({"v": 2}, "verdict version 2 is newer than 1"),
        ({"v": 0}, "v: 0 is not a version"),
        ({"v": True}, "v: not a whole number"),
        ({"content": "sha256:0"}, "content: 'sha256:0' is not sha256:"),
        ({"content": "sha256:" + "A" * 64}, "is not sha256:"),
        ({"original": "x"}, "original: 'x'"),
        ({"recipe": "r2:" + "0" * 64}, "recipe:"),
        ({"at": "2026-11-27 12:00:00"}, "at:"),
        ({"at": "2026-02-30T12:00:00Z"}, "at:"),
        ({"at": "٢٠٢٦-11-27T12:00:00Z"}, "at:"),
        ({"by": ""}, "by: is empty"),
        ({"by": "ada lovelace"}, "by: has spaces"),
        ({"by": "ada\u202e@x.org"}, "by: has spaces or invisible"),
        ({"by": "-fada"}, "by: has spaces or invisible characters, or begins with a dash"),
        ({"note": "x" * (MAX_NOTE + 1)}, "note: over"),
        ({"note": 3}, "note: not a string"),
        ({"sig": "-----BEGIN"}, "sig: is not"),
        ({"standing": "approved"}, "standing: unknown key"),
        ({"asset": "x" * 1001}, "asset: over"),
    ],
)
def test_a_line_that_says_more_or_less_than_a_verdict_is_none(change: dict[str, Any], fact: str) -> None:
    found = read_verdict(json.dumps(GOOD | change), HERE)
    assert isinstance(found, UnreadableVerdict)
    assert fact in found.fact
    assert found.hint


@pytest.mark.parametrize("name", [name for name in GOOD if name not in ("note", "recipe")])
def test_a_missing_field(name: str) -> None:
    found = read_verdict(json.dumps({key: given for key, given in GOOD.items() if key != name}), HERE)
    assert isinstance(found, UnreadableVerdict)


@pytest.mark.parametrize(
    "line",
    [
        "",
        "{}",
        "[]",
        "null",
        "approve",
        verdict_line(said(A))[:-9],
        verdict_line(said(A)) + "}",
        verdict_line(said(A)).replace('"verdict"', '"verdict": "approve", "verdict"'),
        verdict_line(said(R)).replace('{"asset"', '{"verdict": "approve", "asset"'),
        "[" * 10_000,
        '{"a":' * 3_000 + "1" + "}" * 3_000,
        verdict_line(said(A)).replace('"v": 1', '"v": NaN'),
        verdict_line(said(A)).replace('"v": 1', '"v": 1' + "0" * 5000),
    ],
)
def test_what_is_no_verdict(line: str) -> None:
    found = read_verdict(line, HERE)
    assert isinstance(found, UnreadableVerdict)
    assert found.fact
    assert found.hint
