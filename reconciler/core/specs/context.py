"""The settings and documents that all spec files share, and the layers that they put above each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast

from reconciler.core.digest import Json
from reconciler.core.specs.document import Document
from reconciler.core.specs.layers import Layer
from reconciler.core.specs.settings import Settings
from reconciler.core.specs.usage import VariableUsage
from reconciler.core.value import field, value

_NESTED = (dict, list)


@value
class Context:
    """The settings and documents that all spec files share."""

    settings: Settings
    project: Document | None = None
    defaults: Mapping[str, Document] = field(default_factory=dict)
    styles: Document | None = None
    usage: VariableUsage = field(default_factory=VariableUsage, repr=False, compare=False)
    _known: dict[str, tuple[Layer, ...]] = field(default_factory=dict, init=False, repr=False, compare=False)
    _entries: dict[str, int] = field(default_factory=dict, init=False, repr=False, compare=False)

    def layers_above(self, folder: str) -> tuple[Layer, ...]:
        """The defaults that apply to the spec files of a folder, weakest first; computed once for each folder."""
        if folder not in self._known:
            self._known[folder] = self._layers_above(folder)
        return self._known[folder]

    def entries_above(self, folder: str) -> int:
        """How many entries the defaults of a folder have; counted once for each folder. An empty file counts, too: each
        asset has it as a layer."""
        if folder not in self._entries:
            self._entries[folder] = sum(1 + entry_count(layer.fields) for layer in self.layers_above(folder))
        return self._entries[folder]

    def style_entries(self, style: Json) -> int:
        """How many entries the styles that a `style` field names have."""
        styles = mapping(self.styles.value) if self.styles is not None else {}
        count = 0
        for name in style if isinstance(style, list) else (style,):
            key = f"\n{name}"  # no folder has a line break
            if key not in self._entries:
                self._entries[key] = 1 + entry_count(styles.get(str(name)))
            count += self._entries[key]
        return count

    def _layers_above(self, folder: str) -> tuple[Layer, ...]:
        layers: list[Layer] = []
        if self.project is not None and self.settings.defaults:
            layers.append(Layer("reconciler.yaml", self.project, ("defaults",), self.settings.defaults))
        folders = folder.split("/") if folder else []
        for depth in range(len(folders) + 1):
            document = self.defaults.get("/".join(folders[:depth]))
            if document is not None:
                layers.append(Layer(document.file, document, (), mapping(document.value)))
        return tuple(layers)


def entry_count(value: Json) -> int:
    """How many values a field has, those inside of it counted too."""
    kind = type(value)
    if kind is not dict and kind is not list:
        return 1
    inside = cast(Mapping[str, Json], value).values() if kind is dict else cast(Sequence[Json], value)
    return len(inside) + sum(entry_count(item) for item in inside if type(item) in _NESTED)


def mapping(value: Json) -> Mapping[str, Json]:
    """The mapping, or an empty one in place of anything else."""
    return value if isinstance(value, dict) else {}
