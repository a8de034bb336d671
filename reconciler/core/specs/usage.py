"""Find the variables that nothing uses: `${mod}` where `mood` was meant is an error, `mood` alone is a warning."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Set
from typing import cast

from reconciler.core.cautions import Caution
from reconciler.core.digest import Json
from reconciler.core.errors import Problem
from reconciler.core.specs import matrix as matrices
from reconciler.core.specs.asset_layers import AssetLayers
from reconciler.core.specs.document import Path, field_name
from reconciler.core.specs.layers import MERGED_FIELDS, WHOLE_FIELDS, Layer

_FIELDS = frozenset({*WHOLE_FIELDS, *MERGED_FIELDS, "id", "matrix", "overrides"})


class VariableUsage:
    """The variables of all layers that some asset has, and the names of those that an asset uses."""

    def __init__(self) -> None:
        self._layers: dict[tuple[str, Path], _LayerUsage] = {}
        self._idle: list[Caution] = []

    def note(self, asset: AssetLayers) -> None:
        """Note the variables of an asset, whose fields have been read."""
        if "vars" not in asset.strongest:
            return
        for layer in asset.layers:
            if "vars" in layer.fields:
                usage = self._layers.setdefault((layer.document.file, layer.path), _LayerUsage(layer))
                usage.assets += 1
                usage.used |= asset.filled.used

    def note_matrix(self, layer: Layer, used: Set[str], assets: int) -> Iterator[Problem]:
        """Note what `include` adds to a matrix whose assets use these variables. A key that is the name of a field was
        meant to be the field."""
        if "matrix" not in layer.fields:
            return
        matrix = cast(Mapping[str, Json], layer.fields["matrix"])
        axes = matrices.axes(matrix)
        for index, extra in enumerate(matrices.entries(matrix, "include")):
            for name in extra.keys() - axes.keys() - used:
                path = (*layer.path, "matrix", "include", index, name)
                if name in _FIELDS:
                    fact = f"include adds variables, and nothing uses ${{{name}}}: the field {name} stays as it is"
                    hint = f"write overrides: [{{for: …, set: {{{name}: …}}}}] beside matrix:"
                    yield layer.document.problem(path, fact, hint)
                else:
                    place, fact = layer.document.place(path), f"no field uses ${{{name}}}"
                    self._idle.append(Caution(fact, assets, place=place, field=field_name(path), hint=_HINT))

    def cautions(self) -> Iterator[Caution]:
        """A caution for each variable that no asset uses."""
        for usage in self._layers.values():
            layer = usage.layer
            for name in cast(Mapping[str, Json], layer.fields["vars"]):
                if name not in usage.used:
                    path = (*layer.path, "vars", name)
                    place, fact = layer.document.place(path), f"no field uses ${{{name}}}"
                    yield Caution(fact, usage.assets, place=place, field=field_name(path), hint=_HINT)
        yield from self._idle


class _LayerUsage:
    """The number of assets that have a layer, and the variables that they use."""

    def __init__(self, layer: Layer) -> None:
        self.layer = layer
        self.assets = 0
        self.used: set[str] = set()


_HINT = "name it in a field, or remove it"
