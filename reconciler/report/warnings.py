"""Warnings about specs and models, for people and for programs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from reconciler.core.cautions import Caution
from reconciler.core.text import printable


def caution_lines(found: Sequence[Caution]) -> Iterator[str]:
    """For stderr."""
    for one in found:
        place = f"{one.place}: " if one.place is not None else ""
        field = f"{printable(one.field)}: " if one.field else ""
        count = f": {one.assets:,} asset{'' if one.assets == 1 else 's'}" if one.assets else ""
        yield f"warning: {place}{field}{printable(one.message)}{count}"
        if one.hint:
            yield f"  hint: {printable(one.hint)}"


def cautions_json(found: Sequence[Caution]) -> list[dict[str, Any]]:
    """For programs. `file`, `line`, `column`, `field` and `hint` are present for what is written in a file."""
    return [_json(one) for one in found]


def _json(one: Caution) -> dict[str, Any]:
    said: dict[str, Any] = {"model": one.model, "words": one.message, "assets": one.assets}
    if one.place is None:
        return said
    place = {"file": one.place.file, "line": one.place.line, "column": one.place.column}
    return said | place | {"field": one.field, "hint": one.hint}
