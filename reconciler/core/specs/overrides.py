"""Match the `overrides` of a spec with the combinations of its matrix, by id or by values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast

from reconciler.core.digest import Json
from reconciler.core.errors import Problem
from reconciler.core.specs.document import Path, as_text
from reconciler.core.specs.layers import Layer
from reconciler.core.specs.matrix import MOST_WORK, Combination, Scalar, TooMuch, agreeing

OVERRIDE = "an override"


def overrides_of(
    layer: Layer, combinations: Mapping[str, Combination]
) -> dict[str, tuple[Layer, ...]] | list[Problem] | TooMuch:
    """The overrides that apply to each id, in the order in which they are written; or the problems of those that apply
    to none."""
    written = cast(Sequence[Mapping[str, Json]], layer.fields.get("overrides", ()))
    if not written:
        return {}
    names = tuple({_keys(one): None for one in written if isinstance(one["for"], dict)})
    if len(combinations) * (len(names) + 1) > MOST_WORK:
        return TooMuch("overrides")
    by_name = {_part(identity): [identity] for identity in combinations}
    by_values = {keys: _by_values(combinations, keys) for keys in names}
    found: dict[str, list[Layer]] = {}
    problems: list[Problem] = []
    work = 0
    for index, one in enumerate(written):
        path: Path = (*layer.path, "overrides", index)
        wanted = one["for"]
        if isinstance(wanted, dict):
            ids = by_values[_keys(one)].get(agreeing(cast(Combination, wanted), _keys(one)), [])
        else:
            ids = by_name.get(str(wanted), [])
        work += len(ids)
        if work > MOST_WORK:
            return TooMuch("overrides")
        if not ids:
            problems.append(_unmatched(layer, (*path, "for"), wanted, by_name))
        fields = cast(Mapping[str, Json], one["set"])
        for identity in ids:
            found.setdefault(identity, []).append(Layer(OVERRIDE, layer.document, (*path, "set"), fields))
    return problems or {identity: tuple(layers) for identity, layers in found.items()}


def _part(identity: str) -> str:
    return identity.partition("#")[2]


def _keys(override: Mapping[str, Json]) -> tuple[str, ...]:
    wanted = override["for"]
    return tuple(sorted(wanted)) if isinstance(wanted, dict) else ()


def _by_values(
    combinations: Mapping[str, Combination], keys: tuple[str, ...]
) -> dict[tuple[tuple[bool, Scalar], ...], list[str]]:
    """The ids of the combinations that have these keys, by their values."""
    found: dict[tuple[tuple[bool, Scalar], ...], list[str]] = {}
    for identity, values in combinations.items():
        if all(key in values for key in keys):
            found.setdefault(agreeing(values, keys), []).append(identity)
    return found


def _unmatched(layer: Layer, path: Path, wanted: Json, names: Mapping[str, object]) -> Problem:
    if isinstance(wanted, dict):
        values = ", ".join(f"{key}: {as_text(item)}" for key, item in wanted.items())
        return layer.document.problem(path, f"no combination has {values}", "name axes of the matrix and their values")
    fact = f'the matrix makes no "{wanted}"'
    return layer.document.unknown(path, fact, str(wanted), names, "write the part of the id after #, or values")
