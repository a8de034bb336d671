"""The matrix against GitHub's own documentation, and its size before it is made."""

from __future__ import annotations

import time

from hypothesis import given
from hypothesis import strategies as st

from reconciler.core.digest import Json
from reconciler.core.specs.matrix import combinations, count
from tests.builders import a_document, expanded


def made(text: str) -> list[dict[str, object]]:
    matrix = a_document(text).value
    assert isinstance(matrix, dict)
    return [dict(one) for one in combinations(matrix)]


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
    assert len(combinations(matrix)) <= count(matrix)
    if axes:
        assert count(axes) == len(combinations(axes))


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
