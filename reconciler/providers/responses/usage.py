"""Reduce the usage of a response to names and counts, for the lockfile."""

from __future__ import annotations

from collections.abc import Mapping

from reconciler.core.digest import Json

_NAMES = 32
_DEPTH = 3


def plain_usage(usage: Mapping[str, Json], depth: int = _DEPTH) -> dict[str, Json]:
    """The integers by name, 3 levels deep and 32 names a level. Strings, lists and names that are no identifiers are
    left out."""
    kept: dict[str, Json] = {}
    for name, value in list(usage.items())[:_NAMES]:
        if not (name.isascii() and name.isidentifier() and len(name) <= 64):
            continue
        if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 10**15:
            kept[name] = value
        elif isinstance(value, Mapping) and depth > 1:
            kept[name] = plain_usage(value, depth - 1)
    return kept
