"""Count what a file asks for before it is expanded: a few lines can ask for more than any machine can make."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod

from reconciler.core.digest import Json
from reconciler.core.specs import matrix as matrices
from reconciler.core.specs.context import Context, entry_count, mapping
from reconciler.core.specs.document import Document
from reconciler.core.specs.layers import nearest
from reconciler.core.specs.settings import MAX_ASSETS, Settings

TEXT_PER_ASSET = 800
"""Characters of text that an asset may have on average: a small matrix can multiply a long prompt into gigabytes."""
ENTRIES_PER_ASSET = 100
"""Entries of fields that an asset may have on average, those of defaults and styles included. Reading takes 1 µs."""


def asset_count(document: Document) -> int:
    """How many assets a file asks for, counted without expanding anything."""
    body = mapping(document.value)
    if "assets" not in body and "matrix" not in body:
        return 1
    assets = mapping(body["assets"]).values() if "assets" in body else (body,)
    return sum(map(_combinations, assets))


def _combinations(asset: Json) -> int:
    return matrices.count(mapping(mapping(asset)["matrix"])) if has_matrix(asset) else 1


def _axis_count(asset: Json) -> int:
    """How many values each combination of a matrix has, those of `include` aside, which have a limit of their own."""
    return len(matrices.axes(mapping(mapping(asset)["matrix"]))) if has_matrix(asset) else 0


_ON_ITS_OWN = ("matrix", "overrides")
"""Fields that are counted for all assets of a matrix together."""


def _override_entries(context: Context, fields: Mapping[str, Json]) -> int:
    """An upper bound on the entries of all overrides, each counted for every combination that it can match."""
    matrix, overrides = mapping(fields.get("matrix")), fields.get("overrides")
    if not isinstance(overrides, list):
        return 0
    axes, included = matrices.axes(matrix), len(matrices.entries(matrix, "include"))
    count = 0
    for one in map(mapping, overrides):
        wanted = one.get("for")
        open_axes = [values for name, values in axes.items() if isinstance(wanted, dict) and name not in wanted]
        matched = prod(map(len, open_axes)) + included if isinstance(wanted, dict) else 1
        fields_set = mapping(one.get("set"))
        styled = context.style_entries(fields_set["style"]) if "style" in fields_set else 0
        count += matched * (entry_count(fields_set) + styled)
    return count


_COUNTED_APART = frozenset({"assets", "matrix", "overrides", "style", "defaults"})


class Room:
    """What further assets may have: characters of text, and entries of their fields."""

    def __init__(self, text: int, entries: int) -> None:
        self.text = text
        self.entries = entries

    @staticmethod
    def of(settings: Settings) -> Room:
        """The room of a project without assets. A lower limit of assets does not make it smaller."""
        assets = max(settings.asset_limit, MAX_ASSETS)
        return Room(TEXT_PER_ASSET * assets, ENTRIES_PER_ASSET * assets)

    @property
    def exceeded(self) -> bool:
        return self.text < 0 or self.entries < 0

    def takes_text(self, characters: int) -> bool:
        """Count the text of an asset that was read, and return whether it fits."""
        self.text -= characters
        return self.text >= 0

    def takes_entries(self, context: Context, name: str, document: Document) -> bool:
        """Count the entries of all assets of a file before it is expanded, and return whether they fit."""
        body = mapping(document.value)
        folder = name.rpartition("/")[0]
        above = context.entries_above(folder)
        if not above and body.keys().isdisjoint(_COUNTED_APART):  # one asset without defaults: most files
            self.entries -= entry_count(body)
            return self.entries >= 0
        above_style = nearest(context.layers_above(folder), "style")
        shared = mapping(body.get("defaults")) if "assets" in body else {}
        above += entry_count(shared)
        for asset in mapping(body["assets"]).values() if "assets" in body else (body,):
            fields = mapping(asset)
            own = entry_count(fields) - sum(entry_count(fields[name]) for name in _ON_ITS_OWN if name in fields)
            style = fields.get("style", shared.get("style", above_style.value if above_style else None))
            styled = context.style_entries(style) if style is not None else 0
            self.entries -= _combinations(asset) * (above + own + styled + _axis_count(asset))
            if "overrides" in fields:
                self.entries -= _override_entries(context, fields)
        return self.entries >= 0


def has_matrix(asset: Json) -> bool:
    return isinstance(asset, dict) and "matrix" in asset
