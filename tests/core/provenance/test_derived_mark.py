"""Which mark a derived file gets, and that it is part of its key."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.core.derived.key import FileKeys, FileRecipe
from reconciler.core.derived.operations import Encoding, Resize
from reconciler.core.lock.entry import LockEntry, Made
from reconciler.core.provenance.derived_mark import derived_mark
from reconciler.core.provenance.settings import ProvenanceSettings
from reconciler.core.provenance.source_type import COMPOSITE, TRAINED, combined_term, source_term
from reconciler.core.recipe import Recipe
from reconciler.core.value import replace
from tests.builders import an_entry, bytes_of

AT = "2026-11-01T00:00:00Z"
BY_MODEL = Made("gemini", AT, "gemini-3-pro-image")


def locked(made: Made, **recipe: object) -> LockEntry:
    return replace(an_entry(Recipe("x", **recipe)), made=made)  # type: ignore[arg-type]  # fields of a recipe


@pytest.mark.parametrize(
    ("entry", "term"),
    [
        (locked(BY_MODEL), TRAINED),
        (locked(Made("imported", AT)), TRAINED),
        (locked(BY_MODEL, references=(bytes_of("a"),)), TRAINED),
        (locked(BY_MODEL, mask=bytes_of("a")), COMPOSITE),
        (locked(replace(BY_MODEL, edited=bytes_of("b"))), COMPOSITE),
        (locked(Made("adopted", AT)), ""),
        (locked(Made("adopted", AT), mask=bytes_of("a")), ""),
        (locked(Made("draft", AT)), ""),
    ],
)
def test_the_term_of_an_image_says_who_made_it(entry: LockEntry, term: str) -> None:
    assert source_term(entry) == term


@pytest.mark.parametrize(
    ("terms", "whole"),
    [
        ([TRAINED], TRAINED),
        ([TRAINED, TRAINED], TRAINED),
        ([TRAINED, ""], COMPOSITE),
        ([TRAINED, COMPOSITE], COMPOSITE),
        (["", ""], ""),
        ([], ""),
    ],
)
def test_pictures_put_together_are_a_composite_if_a_model_made_some(terms: list[str], whole: str) -> None:
    assert combined_term(terms) == whole


def test_the_label_names_the_producer_and_the_image() -> None:
    settings = ProvenanceSettings("iptc+cn", 'Ü "x"')
    term, label = derived_mark(settings, TRAINED, [bytes_of("a")])
    said = json.loads(label)
    assert term == TRAINED
    assert list(said) == [
        "Label", "ContentProducer", "ProduceID", "ReservedCode1", "ContentPropagator", "PropagateID", "ReservedCode2",
    ]  # fmt: skip
    assert (said["Label"], said["ContentProducer"]) == ("1", 'Ü "x"')
    assert bytes_of("a").startswith(f"sha256:{said['ProduceID']}")
    assert derived_mark(settings, TRAINED, [bytes_of("a"), bytes_of("b")]) != (term, label)


def test_nothing_is_marked_without_a_model_or_against_the_settings() -> None:
    assert derived_mark(ProvenanceSettings(), "", [bytes_of("a")]) == ()
    assert derived_mark(ProvenanceSettings("none"), TRAINED, [bytes_of("a")]) == ()
    assert derived_mark(ProvenanceSettings(), TRAINED, [bytes_of("a")]) == (TRAINED,)


marks = st.sampled_from([(), (TRAINED,), (COMPOSITE,), (TRAINED, "{}"), (TRAINED, '{"Label":"1"}')])


@given(marks, marks)
def test_a_key_has_the_mark(one: tuple[str, ...], other: tuple[str, ...]) -> None:
    keys = FileKeys(FileRecipe((Resize(640),), Encoding("webp", 78)))
    content = bytes_of("a")
    assert (keys.marked(one).of(content) == keys.marked(other).of(content)) == (one == other)
    assert keys.marked(one).recipe.encoding.mark == one
    assert keys.marked(()).of(content) == keys.of(content)
