"""Decide from all verdicts which images are approved and which are rejected. Pure; the order of lines plays no part.

The content of an image decides, so moves, renames, squashed and rebased commits change nothing. For each person the
latest verdict on a content counts; of several in one second a rejection counts, then a withdrawal. One rejection wins
over any number of approvals.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from enum import Enum

from reconciler.core.digest import ContentHash, RecipeKey
from reconciler.core.plan.observed import Rejection, Rejections
from reconciler.core.reviews.rules import ReviewRules
from reconciler.core.reviews.verdict import Judgement, Verdict
from reconciler.core.value import value

_RANK = {Judgement.NOTE: 0, Judgement.APPROVE: 1, Judgement.WITHDRAW: 2, Judgement.REJECT: 3}


class ReviewState(Enum):
    """The result of the reviews of one image."""

    APPROVED = "approved"
    REJECTED = "rejected"
    OPEN = "open"


@value
class Standing:
    """The result of the reviews of one image.

    `verdicts` are those that count, one a person: the approvals of an approved image, the rejections of a rejected one,
    the approvals so far of an open one; latest first. `notes` are all notes, with those of verdicts, oldest first.
    `uncounted` are verdicts that do not count, each with the reason.
    """

    state: ReviewState = ReviewState.OPEN
    verdicts: tuple[Verdict, ...] = ()
    notes: tuple[Verdict, ...] = ()
    uncounted: tuple[tuple[Verdict, str], ...] = ()

    @property
    def latest(self) -> Verdict | None:
        """The latest verdict that counts."""
        return self.verdicts[0] if self.verdicts else None


Uncounted = Callable[[Verdict], str]
"""Why a verdict does not count, besides its reviewer (an invalid signature); "" if it does."""


def standings(
    verdicts: Iterable[Verdict], rules: ReviewRules, *, uncounted: Uncounted = lambda _: ""
) -> dict[ContentHash, Standing]:
    """The result for each content that has a verdict."""
    by_content: dict[ContentHash, set[Verdict]] = {}
    for verdict in verdicts:
        by_content.setdefault(verdict.content, set()).add(verdict)
    return {content: standing(found, rules, uncounted=uncounted) for content, found in by_content.items()}


def standing(verdicts: Iterable[Verdict], rules: ReviewRules, *, uncounted: Uncounted = lambda _: "") -> Standing:
    """The result of the verdicts on one content."""
    ordered = sorted(set(verdicts), key=_order)
    last: dict[str, Verdict] = {}
    not_counted: list[tuple[Verdict, str]] = []
    for verdict in ordered:
        if verdict.judgement is Judgement.NOTE:
            continue
        why = "" if not rules.reviewers or verdict.by in rules.reviewers else "not a reviewer"
        why = why or uncounted(verdict)
        if why:
            not_counted.append((verdict, why))
        else:
            last[verdict.by] = verdict
    latest = sorted(last.values(), key=_order, reverse=True)
    rejected = tuple(each for each in latest if each.judgement is Judgement.REJECT)
    approved = tuple(each for each in latest if each.judgement is Judgement.APPROVE)
    notes = tuple(each for each in ordered if each.note)
    if rejected:
        return Standing(ReviewState.REJECTED, rejected, notes, tuple(not_counted))
    state = ReviewState.APPROVED if len(approved) >= max(rules.minimum, 1) else ReviewState.OPEN
    return Standing(state, approved, notes, tuple(not_counted))


def rejections(verdicts: Iterable[Verdict], rules: ReviewRules, *, uncounted: Uncounted = lambda _: "") -> Rejections:
    """The rejected images. Only verdicts on contents with a rejection are looked at."""
    found = tuple(verdicts)
    suspects = {each.content for each in found if each.judgement is Judgement.REJECT}
    if not suspects:
        return Rejections()
    stands = standings((each for each in found if each.content in suspects), rules, uncounted=uncounted)
    contents: dict[ContentHash, Rejection] = {}
    recipes: dict[RecipeKey, Rejection] = {}
    originals: dict[ContentHash, Rejection] = {}
    for _, result in sorted(stands.items()):
        if result.state is ReviewState.REJECTED:
            for verdict in reversed(result.verdicts):  # the latest is the one to name
                rejection = Rejection(verdict.by, verdict.at, verdict.note, verdict.place)
                contents[verdict.content] = rejection
                if verdict.recipe is not None:
                    recipes[verdict.recipe] = rejection
                if verdict.original is not None:
                    originals[verdict.original] = rejection
    themselves = standings((each for each in found if each.content in originals), rules, uncounted=uncounted)
    approved = {content for content, result in themselves.items() if result.state is ReviewState.APPROVED}
    return Rejections(contents, recipes, {each: why for each, why in originals.items() if each not in approved})


def latest_of(verdicts: Iterable[Verdict]) -> dict[tuple[ContentHash, str], Verdict]:
    """The last verdict of each person on each content. Notes are none."""
    ordered = sorted((each for each in verdicts if each.judgement is not Judgement.NOTE), key=_order)
    return {(each.content, each.by): each for each in ordered}


def later(now: datetime, verdicts: Iterable[Verdict], *, by: str, content: ContentHash) -> str:
    """The time of a new verdict: now, or a second after the last one of the same person on the same content, so that
    the new one counts. OverflowError after the year 9999."""
    at = now.replace(microsecond=0, tzinfo=None)
    for verdict in verdicts:
        if verdict.by == by and verdict.content == content:
            at = max(at, datetime.fromisoformat(verdict.at[:-1]) + timedelta(seconds=1))
    return f"{at.isoformat()}Z"


def _order(verdict: Verdict) -> tuple[str | int, ...]:
    """A total order: whatever order the lines are in, the result is the same to the last note."""
    rest = (verdict.by, verdict.note, verdict.asset, verdict.recipe or "", verdict.original or "", verdict.signature)
    return (verdict.at, _RANK[verdict.judgement], *rest)
