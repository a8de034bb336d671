"""The matrix against GitHub's own documentation, and its size before it is made."""

from __future__ import annotations

import itertools
import time
from collections.abc import Mapping
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from reconciler.core.digest import Json
from reconciler.core.specs.matrix import Combination, TooMuch, combinations, count
from tests.builders import a_document, expanded


def made(text: str) -> list[dict[str, object]]:
    matrix = a_document(text).value
    assert isinstance(matrix, dict)
    return [dict(one) for one in all_of(matrix)]


def all_of(matrix: Mapping[str, Json]) -> tuple[Combination, ...]:
    found = combinations(matrix)
    assert not isinstance(found, TooMuch)
    return found


def test_expanding_or_adding_as_documented() -> None:
    """Source: docs.github.com, "Running variations of jobs in a workflow", example with fruit and animal."""
    assert made(
        """
        fruit: [apple, pear]
        animal: [cat, dog]
        include:
          - color: green
          - color: pink
            animal: cat
          - fruit: apple
            shape: circle
          - fruit: banana
          - fruit: banana
            animal: cat
        """
    ) == [
        {"fruit": "apple", "animal": "cat", "color": "pink", "shape": "circle"},
        {"fruit": "apple", "animal": "dog", "color": "green", "shape": "circle"},
        {"fruit": "pear", "animal": "cat", "color": "pink"},
        {"fruit": "pear", "animal": "dog", "color": "green"},
        {"fruit": "banana"},
        {"fruit": "banana", "animal": "cat"},
    ]


def test_expanding_configurations_as_documented() -> None:
    combos = made("{os: [windows, ubuntu], node: [14, 16], include: [{os: windows, node: 16, npm: 6}]}")
    assert combos == [
        {"os": "windows", "node": 14},
        {"os": "windows", "node": 16, "npm": 6},
        {"os": "ubuntu", "node": 14},
        {"os": "ubuntu", "node": 16},
    ]


def test_adding_configurations_as_documented() -> None:
    combos = made("{os: [macos, windows], version: [12, 14], include: [{os: windows, version: 17}]}")
    assert combos[4:] == [{"os": "windows", "version": 17}]


def test_include_alone_as_documented() -> None:
    assert made("include: [{site: production}, {site: staging}]") == [{"site": "production"}, {"site": "staging"}]


def test_excluding_as_documented() -> None:
    combos = made(
        """
        os: [macos, windows]
        version: [12, 14, 16]
        environment: [staging, production]
        exclude:
          - {os: macos, version: 12, environment: production}
          - {os: windows, version: 16}
        """
    )
    assert len(combos) == 12 - 1 - 2
    assert {"os": "macos", "version": 12, "environment": "production"} not in combos
    assert {"os": "macos", "version": 12, "environment": "staging"} in combos
    assert not [one for one in combos if one["os"] == "windows" and one["version"] == 16]


def test_an_include_may_bring_back_what_was_excluded() -> None:
    assert made("{a: [x, y], exclude: [{a: x}], include: [{a: x, b: z}]}") == [{"a": "y"}, {"a": "x", "b": "z"}]


def test_true_is_not_one() -> None:
    assert made("{a: [1, true], exclude: [{a: 1}]}") == [{"a": True}]
    assert made("{a: [1, true], include: [{a: 1, b: x}]}") == [{"a": 1, "b": "x"}, {"a": True}]


@given(st.dictionaries(st.sampled_from("abc"), st.lists(st.sampled_from("xyz"), min_size=1, max_size=3), max_size=3))
def test_the_count_is_that_of_the_product(axes: dict[str, list[str]]) -> None:
    matrix: dict[str, Json] = {**axes, "include": [{"new": "value"}]}
    assert len(all_of(matrix)) <= count(matrix)
    if axes:
        assert count(axes) == len(all_of(axes))


NAMES, SCALARS = st.sampled_from("abcd"), st.sampled_from(["x", "y", 1, True, 0, False])
PATTERNS = st.lists(st.dictionaries(NAMES, SCALARS, min_size=1, max_size=3), max_size=4)


def same(one: object, other: object) -> bool:
    return one == other and isinstance(one, bool) == isinstance(other, bool)


@given(
    st.dictionaries(st.sampled_from("abc"), st.lists(SCALARS, min_size=1, max_size=3), min_size=1), PATTERNS, PATTERNS
)
def test_is_what_the_rules_of_github_say_word_for_word(axes: dict[str, Any], excludes: Any, includes: Any) -> None:
    plain = [dict(zip(axes, values, strict=True)) for values in itertools.product(*axes.values())]
    left = [
        one
        for one in plain
        if not any(all(key in one and same(one[key], value) for key, value in no.items()) for no in excludes)
    ]
    expected = [dict(one) for one in left]
    for extra in includes:
        hosts = [
            index
            for index, one in enumerate(left)
            if all(same(one[key], value) for key, value in extra.items() if key in one)
        ]
        for index in hosts:
            expected[index].update(extra)
        if not hosts:
            expected.append(dict(extra))
    found = all_of({**axes, "exclude": excludes, "include": includes})
    assert [list(one.items()) for one in found] == [list(one.items()) for one in expected]


def test_what_would_take_long_to_match_is_refused() -> None:
    axis = list(range(1000))
    includes: list[dict[str, Json]] = [{"new": number} for number in range(2000)]
    assert combinations({"a": axis, "include": includes}) == TooMuch("include")
    names = [f"a{number}" for number in range(12)]
    axes: dict[str, Json] = {name: [0, 1] for name in names}
    excludes = [{name: 0 for index, name in enumerate(names) if mask >> index & 1} for mask in range(1, 4096)]
    assert combinations({**axes, "exclude": excludes}) == TooMuch("exclude")
    found = expanded(f"prompt: x\nid: a${{a}}\nmatrix: {{a: {axis}, include: {includes}}}\n")
    assert [problem.field for problem in found.problems] == ["matrix.include"]


def test_a_million_millions_are_refused_at_once() -> None:
    axis = "[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]"
    axes = ", ".join(f"a{index}: {axis}" for index in range(12))
    start = time.perf_counter()
    found = expanded(f"prompt: x\nmatrix: {{{axes}}}\n")
    assert time.perf_counter() - start < 0.5
    (problem,) = found.problems
    assert str(problem) == (
        "specs/sword.yaml:2:1: matrix: asks for 1,000,000,000,000 assets, and the project may have 10,000\n"
        "  hint: raise limits: {assets: …} in reconciler.yaml if that is meant"
    )


def test_the_limit_is_of_the_whole_project() -> None:
    matrix = "prompt: x\nmatrix: {n: [1, 2, 3]}\n"
    files = {"a.yaml": matrix, "b.yaml": matrix, "c.yaml": "prompt: x"}
    assert not expanded(files, asset_limit=7).problems
    (problem,) = expanded(files, asset_limit=6).problems
    assert problem.place.file == "specs/c.yaml"
    assert "asks for 1 assets" in problem.fact
