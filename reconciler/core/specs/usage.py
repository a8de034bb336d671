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
    """The variables of all layers that some asset has, and whether an asset uses them."""

    def __init__(self) -> None:
        self._used: set[tuple[str, Path, str]] = set()
        self._unused: dict[tuple[str, Path, str], tuple[Layer, int]] = {}
        self._idle: list[Caution] = []

    def note(self, asset: AssetLayers) -> None:
        """Note the variables of an asset, whose fields have been read."""
        if "vars" not in asset.strongest:
            return
        for layer in asset.layers:
            for name in cast(Mapping[str, Json], layer.fields.get("vars", {})):
                key = (layer.document.file, layer.path, name)
                if name in asset.filled.used:
                    self._used.add(key)
                elif key not in self._used:
                    self._unused[key] = (layer, self._unused[key][1] + 1 if key in self._unused else 1)

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
        for key, (layer, assets) in self._unused.items():
            if key not in self._used:
                path = (*layer.path, "vars", key[2])
                place = layer.document.place(path)
                yield Caution(f"no field uses ${{{key[2]}}}", assets, place=place, field=field_name(path), hint=_HINT)
        yield from self._idle


_HINT = "name it in a field, or remove it"
