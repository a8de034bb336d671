"""Every case of the corpus, by what a stranger controls."""

from __future__ import annotations

from tests.hostile import (
    answers,
    bounds,
    derived,
    lock_parts,
    paths,
    pictures,
    provenance,
    reviews,
    state,
    team,
    text,
    workflows,
)

CASES = (
    *paths.CASES,
    *state.CASES,
    *lock_parts.CASES,
    *bounds.CASES,
    *text.CASES,
    *pictures.CASES,
    *answers.CASES,
    *reviews.CASES,
    *derived.CASES,
    *provenance.CASES,
    *team.CASES,
    *workflows.CASES,
)
