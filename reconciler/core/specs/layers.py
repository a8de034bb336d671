"""Find the value of a field: own fields over styles over defaults, the nearest default first; then variables."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from reconciler.core.digest import Json
from reconciler.core.errors import MAX_PROBLEMS, Problem
from reconciler.core.recipe import KEYED_FIELDS, RECIPE_FIELDS, SINGLE_FIELDS
from reconciler.core.specs.document import Document, Path, as_text
from reconciler.core.specs.spec import Origin
from reconciler.core.value import value

TEXT_LIMIT = 100_000
"""Characters in one field after substitution. The longest prompt that an API takes is 32,000."""
ASSET_TEXT_LIMIT = 10 * TEXT_LIMIT
"""Characters in all fields of one asset."""
_REPLACING = 8
"""Characters that one `${name}` counts for: it takes the time of so many, even if the value is empty."""
_WHOLE = re.compile(r"\$\{([^}]*)\}")
_VARIABLE = re.compile(r"\$(?:\$|\{([^}]*)(\})?)")


@value
class Layer:
    """Fields from one mapping of one file."""

    name: str
    document: Document
    path: Path
    fields: Mapping[str, Json]

    def field(self, name: str) -> LayeredField:
        """A field that this layer has."""
        return LayeredField(self.fields[name], self, (name,))

    def origin(self, name: str) -> Origin:
        return Origin(self.name, self.document, (*self.path, name) if name else self.path)


@value
class LayeredField:
    """The value of a field as written, and the way to it: a name in a layer, and the keys below that."""

    value: Json
    layer: Layer
    way: Path = ()

    @property
    def origin(self) -> Origin:
        """The place where it was written; computed on demand."""
        return Origin(self.layer.name, self.layer.document, (*self.layer.path, *self.way))

    def below(self, key: str | int, value: Json) -> LayeredField:
        """A value inside a mapping or a list."""
        return LayeredField(value, self.layer, (*self.way, key))


def strongest(layers: Iterable[Layer]) -> dict[str, Layer]:
    """Of each field the last layer that has it, since layers run from weakest to strongest."""
    return {name: layer for layer in layers for name in layer.fields}


def nearest(layers: Sequence[Layer], name: str) -> LayeredField | None:
    """The value in the strongest layer that has one; `layers` run from weakest to strongest."""
    for layer in reversed(layers):
        if name in layer.fields:
            return layer.field(name)
    return None


def every(layers: Sequence[Layer], name: str) -> Iterator[LayeredField]:
    """The values of all layers, weakest first."""
    return (layer.field(name) for layer in layers if name in layer.fields)


def merged(layers: Sequence[Layer], name: str) -> dict[str, LayeredField]:
    """A mapping field (vars, params) merged key by key, the strongest layer's value for each key."""
    return {
        key: each.below(key, value)
        for each in every(layers, name)
        if isinstance(each.value, dict)
        for key, value in each.value.items()
    }


MERGED_FIELDS = (*KEYED_FIELDS, "vars")
"""The fields that are merged key by key."""
_OTHER_FIELDS = (
    "prompt_prefix", "prompt_suffix", "references", "mask", "style", "turns", "output", "description", "tags", "freeze",
    "ignore_changes", "provider", "derive", "focus", "alt", "slice", "on_mismatch", "license", "source", "credit",
    "fill", "take_from",
)  # fmt: skip
WHOLE_FIELDS = tuple(
    name for name in dict.fromkeys((*SINGLE_FIELDS, *_OTHER_FIELDS, *RECIPE_FIELDS)) if name not in MERGED_FIELDS
)
"""The other fields that a layer can have."""


class Origins(Mapping[str, tuple[Origin, ...]]):
    """Where each field of an asset was written, weakest layer first; computed on demand.

    `""` is the asset as a whole; `params.x` and `vars.x` are single keys.
    """

    __slots__ = ("_layers", "_own")

    def __init__(self, own: Layer, layers: Sequence[Layer]) -> None:
        self._own = own
        self._layers = layers

    def __getitem__(self, name: str) -> tuple[Origin, ...]:
        if name == "":
            return (self._own.origin(""),)
        field, dot, key = name.partition(".")
        if dot:
            return (merged(self._layers, field)[key].origin,)
        found = tuple(each.origin for each in every(self._layers, name))
        if not found or name not in WHOLE_FIELDS:
            raise KeyError(name)
        return found

    def __iter__(self) -> Iterator[str]:
        yield ""
        yield from (name for name in WHOLE_FIELDS if any(name in layer.fields for layer in self._layers))
        for name in MERGED_FIELDS:
            yield from (f"{name}.{key}" for key in merged(self._layers, name))

    def __len__(self) -> int:
        return sum(1 for _ in self)


def is_literal(text: str) -> bool:
    """Whether a text is its own value: it has no variables, and is not too long."""
    return "$" not in text and len(text) <= TEXT_LIMIT


class Substitution:
    """Replaces `${name}` by a variable's value and `$$` by a dollar. Plain text: nothing is executed.

    `used` are the variables that occurred. `size` is the number of characters that were read or written, whichever are
    more; beyond the limit of an asset, all text is empty.
    """

    def __init__(self, variables: Mapping[str, Json], *, size: int = 0) -> None:
        self.variables = variables
        self.used: set[str] = set()
        self.problems: list[Problem] = []
        self.size = size

    def fill(self, each: LayeredField) -> Json:
        """The value with all its strings filled in; problems are collected. A string that is nothing but `${name}` has
        the type of the variable."""
        value = each.value
        if isinstance(value, str):
            filled = value if is_literal(value) else self._filled(value, each)
            return self._counted(value, filled, each)
        if isinstance(value, dict):
            self.size += sum(map(len, value))
            return {key: self.fill(each.below(key, item)) for key, item in value.items()}
        if isinstance(value, list):
            return [self.fill(each.below(index, item)) for index, item in enumerate(value)]
        return value

    def text(self, each: LayeredField) -> str:
        """The text of a field that the schema declares as text."""
        value = self.fill(each)
        return value if isinstance(value, str) else as_text(value)

    def _filled(self, text: str, each: LayeredField) -> Json:
        whole = _WHOLE.fullmatch(text)
        if whole is not None and whole[1] in self.variables:
            self.used.add(whole[1])
            return self.variables[whole[1]]
        return self._string(text, each)

    def _counted(self, text: str, filled: Json, each: LayeredField) -> Json:
        """The filled text, or "" beyond the limit of an asset."""
        fitted = self.size <= ASSET_TEXT_LIMIT
        self.size += max(len(text), len(filled)) if isinstance(filled, str) else len(text)
        if self.size <= ASSET_TEXT_LIMIT:
            return filled
        if fitted:
            self._report(each, f"with this field the asset has more than {ASSET_TEXT_LIMIT:,} characters of text", "")
        return ""

    def _string(self, text: str, each: LayeredField) -> str:
        pieces: list[str] = []
        length = end = 0
        for match in _VARIABLE.finditer(text):
            piece = text[end : match.start()] + self._variable(match, each)
            end = match.end()
            pieces.append(piece)
            length += len(piece)
            self.size += _REPLACING
            if length > TEXT_LIMIT:
                break
        pieces.append(text[end:])
        if length + len(text) - end > TEXT_LIMIT:
            self._report(each, f"is over {TEXT_LIMIT:,} characters long", "")
            return ""
        return "".join(pieces)

    def _variable(self, match: re.Match[str], each: LayeredField) -> str:
        name = match.group(1)
        if name is None:
            return "$"
        if match.group(2) is None:
            self._report(each, "${ is never closed", "write } after the name; ${ as text is written $${")
            return ""
        if name in self.variables:
            self.used.add(name)
            return as_text(self.variables[name])
        hint = "give it under vars: or matrix:; a dollar is written $$"
        if len(self.problems) < MAX_PROBLEMS:
            origin, fact = each.origin, f"no variable is called ${{{name}}}"
            self.problems.append(origin.document.unknown(origin.path, fact, name, self.variables, hint))
        return ""

    def _report(self, each: LayeredField, fact: str, hint: str) -> None:
        if len(self.problems) < MAX_PROBLEMS:
            self.problems.append(each.origin.document.problem(each.origin.path, fact, hint))
