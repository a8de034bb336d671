"""Find the assets that one mapping of a spec stands for: their ids, the values of the matrix, and the overrides."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from reconciler.core.digest import AssetId, Json
from reconciler.core.errors import Problem, first_problems
from reconciler.core.specs import matrix as matrices
from reconciler.core.specs.context import mapping
from reconciler.core.specs.document import Path, as_text
from reconciler.core.specs.layers import Layer, LayeredField, Substitution, merged, nearest
from reconciler.core.specs.overrides import overrides_of
from reconciler.core.specs.room import has_matrix
from reconciler.core.text import is_hidden
from reconciler.core.value import field, value

_ID_PART = re.compile(r"(?!\s)[^\x00-\x1f\x7f\ud800-\udfff#*?\[\]\\]+(?<!\s)")
_PLAIN = re.compile(r"[A-Za-z0-9._-]+")
MAX_ID = 1_000
"""Characters in an id, and in the text that it is made from for each combination. No path is longer either."""


@value
class Variant:
    """One asset of a mapping: its id, the values of its combination, and the overrides that apply to it."""

    id: AssetId
    values: matrices.Combination = field(default_factory=dict)
    overrides: tuple[Layer, ...] = ()


@value
class Variants:
    """The assets that one mapping stands for, or its problems; `used` are the variables in their ids."""

    variants: tuple[Variant, ...] = ()
    problems: tuple[Problem, ...] = ()
    used: frozenset[str] = frozenset()


def variants(layer: Layer, template: str, *, already: int = 0) -> Variants:
    """The assets that one mapping stands for: itself, or one for each combination of its matrix. `already` is how many
    problems were found before."""
    if not has_matrix(layer.fields):
        problem = _bad_plain_id(layer, template)
        return Variants((), (problem,)) if problem is not None else Variants((Variant(AssetId(template)),))
    own = nearest((layer,), "id")
    if len(template) + (len(as_text(own.value)) if own else 0) > MAX_ID:
        return Variants((), (_too_long(layer),))
    matrix = mapping(layer.fields["matrix"])
    slips = first_problems(_bad_matrix(layer, matrix), already)
    if slips:
        return Variants((), tuple(slips))
    combinations = matrices.combinations(matrix)
    if isinstance(combinations, matrices.TooMuch):
        return _refused(layer, combinations)
    if not combinations:
        return Variants((), (layer.document.problem((*layer.path, "matrix"), "leaves no combination", "exclude less"),))
    found: dict[str, matrices.Combination] = {}
    used: set[str] = set()
    for combination in combinations:
        identity, wrong = _matrix_id(layer, template, combination, used)
        if len(identity) > MAX_ID:
            wrong = (_too_long(layer),)
        if not wrong and identity in found:
            hint = "use every ${…} of the matrix in the id"
            wrong = (layer.document.problem(_id_path(layer), f'two combinations have the id "{identity}"', hint),)
        if wrong:
            return Variants((), wrong)
        found[identity] = combination
    overrides = overrides_of(layer, found)
    if isinstance(overrides, matrices.TooMuch):
        return _refused(layer, overrides)
    if isinstance(overrides, list):
        return Variants((), tuple(first_problems(overrides, already)))
    made = (Variant(AssetId(identity), values, overrides.get(identity, ())) for identity, values in found.items())
    return Variants(tuple(made), (), frozenset(used))


def _too_long(layer: Layer) -> Problem:
    return layer.document.problem(_id_path(layer), f"makes an id of more than {MAX_ID:,} characters", "shorten it")


def _refused(layer: Layer, too_much: matrices.TooMuch) -> Variants:
    fact = f"its {too_much.field} entries take too long to match with its combinations"
    path = (*layer.path, *(() if too_much.field == "overrides" else ("matrix",)), too_much.field)
    return Variants((), (layer.document.problem(path, fact, "write fewer of them, or several assets"),))


def _bad_matrix(layer: Layer, matrix: Mapping[str, Json]) -> Iterator[Problem]:
    """Report duplicate values, an exclude that can never match (which costs money), and an empty matrix."""
    axes = matrices.axes(matrix)
    for name, values in axes.items():
        known: set[str] = set()
        for index, text in enumerate(map(as_text, values)):
            if text in known:
                path: Path = (*layer.path, "matrix", name, index)
                yield layer.document.problem(path, f'"{text}" is listed twice', "remove one")
            known.add(text)
    allowed = {name: matrices.values_of(values) for name, values in axes.items()}
    texts = {name: frozenset(map(as_text, values)) for name, values in axes.items()}
    for index, pattern in enumerate(matrices.entries(matrix, "exclude")):
        for key, named in pattern.items():
            path = (*layer.path, "matrix", "exclude", index, key)
            if key not in axes:
                yield layer.document.unknown(path, "the matrix has no axis of this name", key, axes)
            elif not matrices.is_among(named, allowed[key]):
                text = as_text(named)
                yield layer.document.unknown(path, f'"{text}" is not a value of {key}', text, texts[key])


def _matrix_id(
    layer: Layer, template: str, values: matrices.Combination, used: set[str]
) -> tuple[str, tuple[Problem, ...]]:
    """The id of one combination: the template filled in, or the values joined by `-` where it names none. Adds the
    variables in it to `used`."""
    own = nearest((layer,), "id")
    path = _id_path(layer)
    if own is None and "${" not in template:
        joined = "-".join(map(as_text, values.values()))
        if not _PLAIN.fullmatch(joined):
            hint = "give an id: with ${…}"
            return "", (layer.document.problem(path, f'"{joined}" cannot be part of an id', hint),)
        return f"{template}{'-' if '#' in template else '#'}{joined}", ()
    variables = Substitution({key: each.value for key, each in merged((layer,), "vars").items()} | values)
    if own is None:
        file_id, _, key = template.partition("#")
        part = variables.text(LayeredField(key, layer))
    else:
        file_id = template
        part = variables.text(own)
        if "#" in template:
            problem = layer.document.problem(path, "an asset under assets: has its key as id", "write ${…} in the key")
            return "", (problem,)
    used |= variables.used
    if variables.problems:
        return "", tuple(variables.problems)
    if not is_id_part(part):
        return "", (layer.document.problem(path, f'"{part}" cannot be part of an id'),)
    return f"{file_id}#{part}", ()


def _bad_plain_id(layer: Layer, template: str) -> Problem | None:
    key = template.partition("#")[2]
    if len(template) > MAX_ID:
        return layer.document.problem(layer.path, f"its id has more than {MAX_ID:,} characters", "shorten its names")
    if "id" in layer.fields:
        fact = "an id is for a matrix only: the id of an asset is its file's path, # and its key"
        return layer.document.problem((*layer.path, "id"), fact, "rename the file or the key")
    if "overrides" in layer.fields:
        fact = "overrides are for a matrix: this is one asset"
        return layer.document.problem((*layer.path, "overrides"), fact, "write the fields in the asset itself")
    if "#" in template and not is_id_part(key):
        return layer.document.problem(layer.path, f'"{key}" cannot be part of an id', "leave out # * ? [ ] \\")
    if "${" in key:
        return layer.document.problem(layer.path, "${…} in a key needs a matrix", "add matrix: or write the name out")
    return None


def is_id_part(text: str) -> bool:
    """Whether a text can be a folder, a name or a key in an id."""
    return _ID_PART.fullmatch(text) is not None and (text.isascii() or not any(map(is_hidden, text)))


def _id_path(layer: Layer) -> Path:
    return (*layer.path, "id") if "id" in layer.fields else (*layer.path, "matrix")
