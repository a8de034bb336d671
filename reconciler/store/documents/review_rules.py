"""Read `review:` of reconciler.yaml, from the project or from a revision of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from reconciler.core.errors import Problem
from reconciler.core.reviews.rules import ReviewRules
from reconciler.core.reviews.verdict import person_problem
from reconciler.core.specs.document import Document
from reconciler.core.specs.paths import BadPath, project_path

_GITHUB = ".github/"
"""Its files configure another program, so no image may be there; a list of signers may."""


def review_rules(document: Document) -> tuple[ReviewRules, list[Problem]]:
    """The rules, and what is wrong with them beyond the schema."""
    given = cast(Mapping[str, Any], cast(Mapping[str, Any], document.value).get("review") or {})
    problems: list[Problem] = []
    reviewers = tuple(given.get("reviewers", ()))
    for number, reviewer in enumerate(reviewers):
        wrong = person_problem(reviewer)
        if wrong:
            problems.append(document.problem(("review", "reviewers", number), wrong, "write an e-mail address"))
    minimum = int(given.get("min", 1))
    if reviewers and minimum > len(set(reviewers)):
        fact = f"is {minimum}, and there are {len(set(reviewers))} reviewers"
        problems.append(document.problem(("review", "min"), fact, "lower it, or add reviewers"))
    return ReviewRules(
        tuple(given["require"]) if "require" in given else None,
        reviewers,
        minimum,
        _signed(document, str(given.get("signed", "")), problems),
        tuple(given.get("derived", ())),
    ), problems


def _signed(document: Document, text: str, problems: list[Problem]) -> str:
    if not text:
        return ""
    start = _GITHUB if text.startswith(_GITHUB) else ""
    path = project_path(text.removeprefix(start))
    if isinstance(path, BadPath):
        problems.append(document.problem(("review", "signed"), path.fact, path.hint))
        return ""
    return f"{start}{path}"
