"""The quick validator and the eloquent one must agree: what one refuses, the other explains."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.core.recipe import IGNORABLE_FIELDS
from reconciler.core.specs.document import Document
from reconciler.core.specs.layers import MERGED_FIELDS, WHOLE_FIELDS
from reconciler.core.specs.sizes import SIZE_RANGE
from reconciler.store.schemas.explain import explained, validator
from reconciler.store.schemas.files import schema_text
from reconciler.store.schemas.validate import accepts, schema_problems

FIELDS = (
    "prompt", "model", "size", "image_size", "quality", "format", "background", "references", "mask", "style", "vars",
    "turns", "params", "output", "tags", "take", "freeze", "ignore_changes", "provider", "matrix", "id", "assets",
    "defaults", "providers", "budget", "limits", "cascade", "asset", "include", "exclude", "role", "parts", "text",
    "image", "base_url", "api_key_env", "timeouts", "promt", "Prompt", "license", "",
)  # fmt: skip
TEXTS = st.sampled_from(
    ["", "a cat", "16:9", "16x9", "1K", "5K", "png", "gif", "${x}", "user", "ask", "https://a.example", "é\n", "png\n"]
)
SCALARS = st.one_of(TEXTS, st.integers(-2, 70), st.sampled_from([0.5, 2.0, 1e20]), st.booleans(), st.none())
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(FIELDS), inner, max_size=4)),
    max_leaves=12,
)
GOOD: dict[str, Any] = {
    "prompt": "a ${what}", "model": "m", "size": "16:9", "image_size": "2K", "format": "png", "style": ["flat"],
    "references": ["refs/a.png", {"asset": "mascot"}], "vars": {"what": "cat"}, "take": 2, "freeze": False,
    "license": "CC0-1.0",
    "turns": [{"role": "user", "parts": [{"text": "more"}, {"image": "refs/b.png"}]}], "params": {"seed": 1},
    "matrix": {"what": ["cat", "dog"], "exclude": [{"what": "dog"}]},
}  # fmt: skip


@pytest.mark.parametrize("name", ["spec", "defaults", "styles", "project"])
@settings(max_examples=50)
@given(value=st.dictionaries(st.sampled_from(FIELDS), VALUES, max_size=5))
def test_both_validators_agree_on_anything(name: str, value: Any) -> None:
    assert accepts(name, value) == validator(name).is_valid(value)


@settings(max_examples=83)
@given(field=st.sampled_from(sorted(GOOD)), value=VALUES)
def test_both_validators_agree_on_a_good_spec_with_one_field_changed(field: str, value: Any) -> None:
    spec = GOOD | {field: value}
    assert accepts("spec", spec) == validator("spec").is_valid(spec)
    problems = explained("spec", Document("specs/a.yaml", spec, {(): (1, 1)}))
    assert bool(problems) == (not accepts("spec", spec))
    assert all(problem.fact and problem.place.line == 1 for problem in problems)


@pytest.mark.parametrize("value", ["png\n", "16:9\n", "1K\n", "jpeg", "jpe", "16:9", "x${y}z"])
def test_both_validators_read_a_pattern_to_its_end(value: str) -> None:
    for field in ("format", "size", "image_size"):
        spec = {"prompt": "x", field: value}
        assert accepts("spec", spec) == validator("spec").is_valid(spec), field


def test_a_good_spec_has_no_problem_and_several_may_stand_in_one_file() -> None:
    assert accepts("spec", GOOD)
    assert accepts("spec", {"defaults": {"model": "m"}, "assets": {"a": {"prompt": "x"}}})
    assert not accepts("spec", {"assets": {}})


@pytest.mark.parametrize(
    ("value", "field", "fact", "hint"),
    [
        ({"promt": "x"}, "promt", "is not a field here", 'did you mean "prompt"?'),
        ({"size": "16×9"}, "size", '"16×9" is neither a ratio nor pixels', 'write "16:9" or 1536x864'),
        ({"quality": 3}, "quality", "is a number, and text is wanted", 'quote it: "3"'),
        ({"freeze": "no"}, "freeze", "is text, and true or false is wanted", "write false"),
        ({"size": 0x0}, "size", "is a number, and text is wanted", 'write "16:9" or 1536x864'),
        ({"tags": "x"}, "tags", "is text, and a list is wanted", "write a list: [x]"),
        ({"background": "zzz"}, "background", '"zzz" is not one of auto, opaque, transparent', ""),
        ({"size": "100000x1"}, "size", '"100000x1" is out of range', SIZE_RANGE),
        ({"background": "opake"}, "background", '"opake" is not one of auto, opaque, transparent',
         'did you mean "opaque"?'),
        ({"take": 0}, "take", "is 0, and must be at least 1", ""),
        ({"references": [{"aset": "x"}]}, "references[0].aset", "is not a field here", 'did you mean "asset"?'),
        ({"matrix": {"a": []}}, "matrix.a", "is empty", ""),
        ({"vars": {"a b": "x"}}, "vars.a b", '"a b" is not a name', "use letters, digits, _ and -"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_with_its_field_and_a_hint(value: Any, field: str, fact: str, hint: str) -> None:
    found = schema_problems("spec", Document("specs/a.yaml", value, {(): (1, 1)}))
    assert (field, fact, hint) in [(problem.field, problem.fact, problem.hint) for problem in found]


@pytest.mark.parametrize("key", ["sk-123456", 123456, ["sk-123456"], {"sk-123456": 1}])
def test_what_may_be_a_key_is_never_repeated(key: Any) -> None:
    given = {"providers": {"gemini": {"api_key_env": key, "base_url": "ftp://u:123456@a.com"}}}
    found = schema_problems("project", Document("reconciler.yaml", given, {(): (1, 1)}))
    assert {problem.field for problem in found} == {"providers.gemini.api_key_env", "providers.gemini.base_url"}
    assert not any("123456" in str(problem) for problem in found)


def test_a_default_output_is_not_one_file_for_all_and_a_style_names_none() -> None:
    assert not accepts("defaults", {"output": "a.png"})
    assert accepts("defaults", {"output": "x/${name}.png"})
    found = schema_problems("project", Document("reconciler.yaml", {"defaults": {"output": "a.png"}}, {(): (1, 1)}))
    assert [(one.field, one.hint) for one in found] == [("defaults.output", "use ${id} or ${name} in it")]
    styles = {"flat": {"style": "bold", "output": "x/${id}.png", "quality": "low"}}
    found = schema_problems("styles", Document("specs/_styles.yaml", styles, {(): (1, 1)}))
    assert {(one.field, one.fact) for one in found} == {
        (field, "is not a field here") for field in ("flat.style", "flat.output")
    }


def test_the_schema_lists_the_fields_that_specs_are_read_for() -> None:
    properties = json.loads(schema_text("spec"))["$defs"]["asset"]["properties"]
    known = {*WHOLE_FIELDS, *MERGED_FIELDS, "id", "matrix", "overrides"}
    assert known - properties.keys() == set(), "add them to $defs.asset.properties in schemas/spec.schema.json"
    assert properties.keys() - known == set(), "add them to Recipe, or to _OTHER_FIELDS in core/specs/layers.py"
    ignorable = properties["ignore_changes"]["items"]["enum"]
    assert ignorable == list(IGNORABLE_FIELDS), "make ignore_changes in schemas/spec.schema.json say the same"


def test_only_an_asset_has_an_id_and_a_matrix() -> None:
    assert accepts("spec", {"prompt": "x", "id": "${n}", "matrix": {"n": [1]}})
    for name, value in (("id", "${n}"), ("matrix", {"n": [1]})):
        for kind, document in (("defaults", {name: value}), ("styles", {"flat": {name: value}})):
            problems = schema_problems(kind, Document("specs/_x.yaml", document, {(): (1, 1)}))
            assert [(one.field.rpartition(".")[2], one.fact) for one in problems] == [(name, "is not a field here")]
