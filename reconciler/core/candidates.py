"""The candidates of an asset: the pictures that were made for its recipe, and how one of them is named."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from reconciler.core.digest import CONTENT_PREFIX, hex_of
from reconciler.core.ports import StoredImage
from reconciler.core.value import value

_LEAST_DIGITS = 4


@value
class Candidate:
    """One picture for a recipe. `number` counts from 1, the oldest first; `locked` is the asset's own now."""

    number: int
    image: StoredImage
    path: Path
    locked: bool


def find_candidate(found: Sequence[Candidate], wanted: str) -> Candidate | str:
    """The one that a number or a content hash (or its first digits) names; or why none is."""
    if wanted.isascii() and wanted.isdigit() and len(wanted) < _LEAST_DIGITS:
        named = [one for one in found if one.number == int(wanted)]
    else:
        digits = wanted.removeprefix(CONTENT_PREFIX).lower()
        if len(digits) < _LEAST_DIGITS:
            return f'"{wanted}" is neither a number nor the beginning of a content hash'
        named = [one for one in found if hex_of(one.image.content).startswith(digits)]
    if len(named) == 1:
        return named[0]
    return f'"{wanted}" names {len(named) or "none"} of its {len(found)} candidates'
