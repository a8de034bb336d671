"""Resolve ids and globs to assets."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase

from reconciler.core.digest import AssetId
from reconciler.core.errors import ProjectError
from reconciler.core.suggest import did_you_mean
from reconciler.core.text import printable
from reconciler.core.value import value

_GLOB = re.compile(r"[*?\[]")


@value
class SelectedAssets:
    """The named assets, in the order of ids. `exactly` are those named by their id, not by a glob alone."""

    assets: tuple[AssetId, ...]
    exactly: frozenset[AssetId]


def select_assets(patterns: Sequence[str], known: Iterable[AssetId]) -> SelectedAssets:
    """The known assets that ids and globs name. ProjectError for a pattern that names nothing."""
    names = sorted(set(known))
    found: set[AssetId] = set()
    exactly: set[AssetId] = set()
    for pattern in patterns:
        glob = _GLOB.search(pattern) is not None
        matches = [name for name in names if (fnmatchcase(name, pattern) if glob else name == pattern)]
        if not matches:
            raise _unknown(pattern, names, glob=glob)
        found.update(matches)
        if not glob:
            exactly.update(matches)
    return SelectedAssets(tuple(sorted(found)), frozenset(exactly))


def _unknown(pattern: str, names: Sequence[AssetId], *, glob: bool) -> ProjectError:
    shown = printable(pattern)
    if glob:
        return ProjectError(f'no asset matches "{shown}"', hint="`reconciler plan` and assets.lock list the ids")
    if any(name.startswith(f"{pattern}#") for name in names):
        return ProjectError(f'"{shown}" is a file of several assets', hint=f"'{shown}#*' names all of them")
    hint = did_you_mean(pattern, names) or "the id is the path below the specs, without the suffix"
    return ProjectError(f'no asset is called "{shown}"', hint=hint)
