"""A matrix as in GitHub Actions: the product, less `exclude`, plus `include`; counted before it is expanded."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from math import prod
from typing import cast

from reconciler.core.digest import Json

Scalar = str | int | bool
Combination = dict[str, Scalar]


def count(matrix: Mapping[str, Json]) -> int:
    """An upper bound on how many combinations there are, without making them."""
    return prod(len(values) for values in axes(matrix).values()) + len(entries(matrix, "include"))


def combinations(matrix: Mapping[str, Json]) -> tuple[Combination, ...]:
    """Every combination, in the order of the axes as written.

    `exclude` removes what agrees with all its keys. Each `include` is added to every combination whose original
    values it does not overwrite; where there is none, it is a combination of its own.
    Source: GitHub Actions, "Expanding or adding matrix configurations".
    """
    named = axes(matrix)
    made = [dict(zip(named, values, strict=True)) for values in itertools.product(*named.values())] if named else []
    for pattern in entries(matrix, "exclude"):
        made = [combo for combo in made if not all(_agree(combo.get(key), value) for key, value in pattern.items())]
    originals = [dict(combo) for combo in made]
    for extra in entries(matrix, "include"):
        hosts = [
            combo
            for combo, original in zip(made, originals, strict=False)
            if all(_agree(original[key], value) for key, value in extra.items() if key in original)
        ]
        for combo in hosts:
            combo.update(extra)
        if not hosts:
            made.append(dict(extra))
    return tuple(made)


def _agree(one: Scalar | None, other: Scalar) -> bool:
    return one == other and isinstance(one, bool) == isinstance(other, bool)  # in Python, True == 1


def has(values: Sequence[Scalar], value: Scalar) -> bool:
    """Whether an exclude with this value can agree with a combination of these."""
    return any(_agree(one, value) for one in values)


def axes(matrix: Mapping[str, Json]) -> dict[str, Sequence[Scalar]]:
    """The values by the names of the axes."""
    return {key: cast(Sequence[Scalar], values) for key, values in matrix.items() if key not in ("include", "exclude")}


def entries(matrix: Mapping[str, Json], name: str) -> Sequence[Mapping[str, Scalar]]:
    """What stands under `include` or `exclude`."""
    return cast(Sequence[Mapping[str, Scalar]], matrix.get(name, ()))
