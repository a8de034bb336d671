"""Resolve the patterns of a command to assets, with an error that helps where one selects nothing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from reconciler.core.digest import AssetId
from reconciler.core.errors import ProjectError
from reconciler.core.plan.selection import Selectable, is_glob, matching
from reconciler.core.suggest import nearest_word
from reconciler.core.text import printable
from reconciler.core.value import value


@value
class SelectedAssets:
    """The selected assets, in the order of ids. `exactly` are those named by their id."""

    assets: tuple[AssetId, ...]
    exactly: frozenset[AssetId]


def select_assets(patterns: Sequence[str], known: Iterable[Selectable], *, option: str = "") -> SelectedAssets:
    """The assets that patterns select. ProjectError for a pattern that selects nothing; it names the `option`."""
    assets = tuple(known)
    names = {one.asset for one in assets}
    found: set[AssetId] = set()
    for pattern in patterns:
        matches = matching(pattern, assets)
        if not matches:
            raise no_match(pattern, assets, option=option)
        found |= matches
    return SelectedAssets(tuple(sorted(found)), frozenset(AssetId(each) for each in patterns if each in names))


def no_match(pattern: str, assets: Iterable[Selectable], *, option: str = "") -> ProjectError:
    """The error of a pattern that selects nothing, with the nearest id, tag or output."""
    begin = f"{option}: " if option else ""
    shown = printable(pattern)
    tags = {f"tag:{tag}" for one in assets for tag in one.tags}
    names = tags if pattern.startswith("tag:") else {name for one in assets for name in (one.asset, one.output)}
    hint = nearest_word(pattern, names) or "`reconciler ls` lists ids, outputs and states"
    fact = f'nothing matches "{shown}"' if is_glob(pattern) else f'no asset, folder or output is called "{shown}"'
    return ProjectError(f"{begin}{fact}", hint=hint)
