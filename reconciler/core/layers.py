"""How a field's value is found: own fields over styles over defaults, the nearest default first; then variables."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from reconciler.core.digest import Json
from reconciler.core.document import Document, Path
from reconciler.core.errors import Problem
from reconciler.core.spec import Origin
from reconciler.core.suggest import did_you_mean

TEXT_LIMIT = 100_000
"""Characters in one field after substitution. The longest prompt that an API takes is 32,000."""
_VARIABLE = re.compile(r"\$(?:\$|\{([^}]*)(\})?)")


@dataclass(frozen=True, slots=True)
class Layer:
    """Fields from one mapping of one file."""

    name: str
    document: Document
    path: Path
    fields: Mapping[str, Json]

    def origin(self, name: str) -> Origin:
        return Origin(self.name, self.document, (*self.path, name) if name else self.path)


@dataclass(frozen=True, slots=True)
class Field:
    """A field's value as written, and where."""

    value: Json
    origin: Origin


def nearest(layers: Sequence[Layer], name: str) -> Field | None:
    """The value in the strongest layer that has one; `layers` run from weakest to strongest."""
    for layer in reversed(layers):
        if name in layer.fields:
            return Field(layer.fields[name], layer.origin(name))
    return None


def every(layers: Sequence[Layer], name: str) -> Iterator[Field]:
    """The values of all layers, weakest first."""
    return (Field(layer.fields[name], layer.origin(name)) for layer in layers if name in layer.fields)


def merged(layers: Sequence[Layer], name: str) -> dict[str, Field]:
    """A mapping field (vars, params) merged key by key, the strongest layer's value for each key."""
    found: dict[str, Field] = {}
    for each in every(layers, name):
        if isinstance(each.value, Mapping):
            for key, value in each.value.items():
                origin = each.origin
                found[key] = Field(value, Origin(origin.layer, origin.document, (*origin.path, key)))
    return found


_RECORDED = (
    "prompt", "prompt_prefix", "prompt_suffix", "model", "size", "image_size", "quality", "format", "background",
    "references", "mask", "style", "turns", "output", "description", "tags", "take", "freeze", "ignore_changes",
    "provider",
)  # fmt: skip


class Origins(Mapping[str, tuple[Origin, ...]]):
    """Where each field of an asset was written, weakest layer first; worked out when somebody asks.

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
        if not found or name not in _RECORDED:
            raise KeyError(name)
        return found

    def __iter__(self) -> Iterator[str]:
        yield ""
        yield from (name for name in _RECORDED if any(name in layer.fields for layer in self._layers))
        for name in ("params", "vars"):
            yield from (f"{name}.{key}" for key in merged(self._layers, name))

    def __len__(self) -> int:
        return sum(1 for _ in self)


def as_text(value: Json) -> str:
    """A variable's value as it appears in text: booleans as YAML writes them."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


class Substitution:
    """Replaces `${name}` by a variable's value and `$$` by a dollar. Plain text: nothing can be run."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        self.variables = variables
        self.problems: list[Problem] = []

    def fill(self, each: Field) -> Json:
        """The value with all its strings filled in; problems are collected."""
        return self._walk(each.value, each.origin)

    def text(self, each: Field) -> str:
        """A field that the schema holds to be text."""
        value = self.fill(each)
        return value if isinstance(value, str) else as_text(value)

    def _walk(self, value: Json, origin: Origin) -> Json:
        if isinstance(value, str):
            return self._string(value, origin) if "$" in value or len(value) > TEXT_LIMIT else value
        if isinstance(value, Mapping):
            return {key: self._walk(item, below(origin, key)) for key, item in value.items()}
        if isinstance(value, Sequence):
            return [self._walk(item, below(origin, index)) for index, item in enumerate(value)]
        return value

    def _string(self, text: str, origin: Origin) -> str:
        pieces: list[str] = []
        length = end = 0
        for match in _VARIABLE.finditer(text):
            piece = text[end : match.start()] + self._variable(match, origin)
            end = match.end()
            pieces.append(piece)
            length += len(piece)
            if length > TEXT_LIMIT:
                break
        pieces.append(text[end:])
        if length + len(text) - end > TEXT_LIMIT:
            self._report(origin, f"is over {TEXT_LIMIT:,} characters long", "")
            return ""
        return "".join(pieces)

    def _variable(self, match: re.Match[str], origin: Origin) -> str:
        name = match.group(1)
        if name is None:
            return "$"
        if match.group(2) is None:
            self._report(origin, "${ is never closed", "write } after the name; ${ as text is written $${")
            return ""
        if name in self.variables:
            return self.variables[name]
        hint = did_you_mean(name, self.variables) or "give it under vars: or matrix:; a dollar is written $$"
        self._report(origin, f"no variable is called ${{{name}}}", hint)
        return ""

    def _report(self, origin: Origin, fact: str, hint: str) -> None:
        self.problems.append(origin.document.problem(origin.path, fact, hint))


def below(origin: Origin, key: str | int) -> Origin:
    """The origin of what stands in a mapping or a list."""
    return Origin(origin.layer, origin.document, (*origin.path, key))
