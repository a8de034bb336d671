"""A matrix as in GitHub Actions: the product, less `exclude`, plus `include`; counted before it is expanded."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from math import prod
from typing import cast

from reconciler.core.digest import Json
from reconciler.core.value import value

Scalar = str | int | bool
Combination = dict[str, Scalar]
MOST_WORK = 1_000_000
"""The most steps of matching `exclude` and `include` with combinations. Real projects need thousands."""


@value
class TooMuch:
    """The field, `exclude`, `include` or `overrides`, whose entries would take too long to match."""

    field: str


def count(matrix: Mapping[str, Json]) -> int:
    """An upper bound on how many combinations there are, without making them."""
    return prod(len(values) for values in axes(matrix).values()) + len(entries(matrix, "include"))


def combinations(matrix: Mapping[str, Json]) -> tuple[Combination, ...] | TooMuch:
    """Every combination, in the order of the axes as written.

    `exclude` removes the combinations that agree with all its keys. Each `include` is added to every combination whose
    original values it does not overwrite; if there is none, it is a combination of its own.
    Source: GitHub Actions, "Expanding or adding matrix configurations".
    """
    named = axes(matrix)
    made = [dict(zip(named, values, strict=True)) for values in itertools.product(*named.values())] if named else []
    excluded = _by_keys(entries(matrix, "exclude"), named)
    if len(made) * len(excluded) > MOST_WORK:
        return TooMuch("exclude")
    for keys, patterns in excluded.items():
        unwanted = {agreeing(pattern, keys) for pattern in patterns}
        made = [combo for combo in made if agreeing(combo, keys) not in unwanted]
    return _included(made, entries(matrix, "include"), named)


def _included(
    made: list[Combination], extras: Sequence[Mapping[str, Scalar]], named: Mapping[str, Sequence[Scalar]]
) -> tuple[Combination, ...] | TooMuch:
    """The combinations with each `include` added, in the order in which they are written."""
    own = tuple(tuple(key for key in extra if key in named) for extra in extras)
    if len(made) * len(set(own)) > MOST_WORK:
        return TooMuch("include")
    hosts: dict[tuple[str, ...], dict[_Values, list[int]]] = {}
    for keys in set(own):
        by_values: dict[_Values, list[int]] = {}
        for index, combo in enumerate(made):
            by_values.setdefault(agreeing(combo, keys), []).append(index)
        hosts[keys] = by_values
    merged, work = [dict(combo) for combo in made], 0
    for extra, keys in zip(extras, own, strict=True):
        found = hosts[keys].get(agreeing(extra, keys), ())
        work += len(found) * len(extra)
        if work > MOST_WORK:
            return TooMuch("include")
        for index in found:
            merged[index].update(extra)
        if not found:
            merged.append(dict(extra))
    return tuple(merged)


def _by_keys(
    patterns: Sequence[Mapping[str, Scalar]], named: Mapping[str, Sequence[Scalar]]
) -> dict[tuple[str, ...], list[Mapping[str, Scalar]]]:
    """The patterns that can agree with a combination, by the axes that they name."""
    found: dict[tuple[str, ...], list[Mapping[str, Scalar]]] = {}
    for pattern in patterns:
        if all(key in named for key in pattern):
            found.setdefault(tuple(sorted(pattern)), []).append(pattern)
    return found


_Values = tuple[tuple[bool, Scalar], ...]


def agreeing(combination: Mapping[str, Scalar], keys: tuple[str, ...]) -> _Values:
    """Equal for values that agree: in Python, True == 1."""
    return tuple((isinstance(value := combination[key], bool), value) for key in keys)


def values_of(values: Sequence[Scalar]) -> frozenset[tuple[bool, Scalar]]:
    """The values of an axis, for `is_among`."""
    return frozenset((isinstance(value, bool), value) for value in values)


def is_among(value: Scalar, values: frozenset[tuple[bool, Scalar]]) -> bool:
    """Whether an exclude with this value can agree with a combination of these."""
    return (isinstance(value, bool), value) in values


def axes(matrix: Mapping[str, Json]) -> dict[str, Sequence[Scalar]]:
    """The values by the names of the axes."""
    return {key: cast(Sequence[Scalar], values) for key, values in matrix.items() if key not in ("include", "exclude")}


def entries(matrix: Mapping[str, Json], name: str) -> Sequence[Mapping[str, Scalar]]:
    """The entries of `include` or `exclude`."""
    return cast(Sequence[Mapping[str, Scalar]], matrix.get(name, ()))
