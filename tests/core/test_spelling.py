"""Scalars keep their spelling: a number that would read differently as text is an error that quotes the source."""

from __future__ import annotations

import pytest

from reconciler.core.specs.document import as_text
from reconciler.store.schemas.validate import schema_problems
from reconciler.store.yaml.loader import parse
from tests.builders import expanded

CHANGED = {"007": "7", "2.00": "2.0", "1e3": "1000.0", "0x10": "16", "0o7": "7", "+5": "5", "-0": "0", "TRUE": "true"}
KEPT = ("7", "-5", "2.0", "true", '"007"', "yes", "16:9", "v1")


def said(kind: str, text: str) -> list[str]:
    return [
        f"{problem.field}: {problem.hint}" for problem in schema_problems(kind, parse(text.encode(), file="x.yaml"))
    ]


@pytest.mark.parametrize("written", CHANGED)
def test_a_number_that_reads_differently_as_text_is_an_error(written: str) -> None:
    hint = f'quote it: "{written}"'
    for field in ("n: [a, {}]", "include: [{{n: {}}}]", "exclude: [{{n: {}}}]"):
        text = f"prompt: A\nmatrix:\n  axis: [1]\n  {field.format(written)}\n"
        assert [problem.split(": ", 1)[1] for problem in said("spec", text)] == [hint], field
    assert said("spec", f"prompt: A\nvars: {{n: {written}}}\n") == [f"vars.n: {hint}"]
    several = f"defaults: {{vars: {{n: {written}}}}}\nassets: {{a: {{prompt: A, vars: {{n: {written}}}}}}}\n"
    assert said("spec", several) == [f"defaults.vars.n: {hint}", f"assets.a.vars.n: {hint}"]
    assert said("defaults", f"vars: {{n: {written}}}\n") == [f"vars.n: {hint}"]
    assert said("styles", f"flat: {{vars: {{n: {written}}}}}\n") == [f"flat.vars.n: {hint}"]
    assert said("project", f"defaults: {{vars: {{n: {written}}}}}\n") == [f"defaults.vars.n: {hint}"]


@pytest.mark.parametrize("written", CHANGED)
def test_the_hint_for_a_number_in_a_field_of_text_quotes_the_source(written: str) -> None:
    assert said("spec", f"prompt: {written}\n") == [f'prompt: quote it: "{written}"']


@pytest.mark.parametrize("written", KEPT)
def test_what_is_written_as_it_reads_is_fine(written: str) -> None:
    assert said("spec", f"prompt: A\nvars: {{n: {written}}}\nmatrix: {{m: [{written}]}}\n") == []


def test_numbers_that_never_become_text_may_be_written_in_any_form() -> None:
    assert said("spec", "prompt: A\nparams: {strength: 0.50, seed: 0x10, deep: [{x: 1e3}]}\ntake: +2\n") == []
    assert said("project", "budget: {per_run: 5.00}\n") == []


@pytest.mark.parametrize(
    "text",
    [
        "prompt: A\nparams: {seed: &n 007}\nvars: {n: *n}\n",
        "prompt: A\nparams: {seeds: &n [1, 007]}\nmatrix: {n: *n}\n",
        "prompt: A\nparams: &base {n: 007}\nvars: {<<: *base, m: x}\n",
    ],
    ids=["scalar", "list", "merge"],
)
def test_an_alias_does_not_hide_it(text: str) -> None:
    (found,) = said("spec", text)
    assert found.endswith(': quote it: "007"')


def test_a_field_that_is_one_variable_has_its_type() -> None:
    text = "prompt: A ${n}\ntake: ${n}\nfreeze: ${f}\nvars: {n: 7, f: true}\n"
    text += 'params: {seed: "${n}", a: ["${n}", "x${n}"]}\n'
    (spec,) = expanded({"a.yaml": text}).specs.values()
    assert (spec.base_recipe.take, spec.freeze, spec.base_recipe.prompt) == (7, True, "A 7")
    assert spec.base_recipe.params == {"seed": 7, "a": [7, "x7"]}


@pytest.mark.parametrize(("value", "fact"), [('"7"', 'is "7", and a whole number'), ("0", "is 0, and must be 1 to")])
def test_a_variable_of_another_type_or_out_of_range_is_an_error(value: str, fact: str) -> None:
    problems = expanded({"a.yaml": f"prompt: A\ntake: ${{n}}\nvars: {{n: {value}}}\n"}).problems
    assert [fact in problem.fact for problem in problems] == [True]


def test_truth_values_read_as_yaml_writes_them() -> None:
    assert [as_text(value) for value in (True, False, None, 7)] == ["true", "false", "null", "7"]
