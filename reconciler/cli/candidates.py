"""List the pictures that were made for one recipe: any of them can be locked, for nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from reconciler.core.decide import DRAFT
from reconciler.core.digest import CONTENT_PREFIX, ContentHash, RecipeKey, hex_of
from reconciler.core.ports import Store, StoredImage
from reconciler.core.text import printable
from reconciler.core.value import value

_LEAST_DIGITS = 4
_SHOWN_DIGITS = 12


@value
class Candidate:
    """One picture for a recipe. `number` counts from 1, the oldest first; `locked` is the asset's own now."""

    number: int
    image: StoredImage
    path: Path
    locked: bool


def candidates(store: Store, key: RecipeKey, *, locked: ContentHash | None) -> tuple[Candidate, ...]:
    """The pictures of a recipe that the store holds. Drafts are none."""
    made = [one for one in store.recall(key) if one.made.provider != DRAFT]
    found = ((one, store.find(one.content)) for one in made)
    held = [(one, path) for one, path in found if path is not None]
    return tuple(
        Candidate(number, one, path, locked=one.content == locked) for number, (one, path) in enumerate(held, 1)
    )


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


def candidate_lines(found: Sequence[Candidate], *, root: Path) -> Iterator[str]:
    """A line for each; the locked one is marked."""
    for one in found:
        image, made = one.image.image, one.image.made
        facts = f"{image.width}x{image.height}  {made.cost or 'price unknown'}  {made.at}"
        mark = "*" if one.locked else " "
        yield f"{mark} {one.number}  {shown(one.image.content)}  {facts}  {printable(_below(one.path, root))}"


def shown(content: ContentHash) -> str:
    """As many digits as people need."""
    return f"{CONTENT_PREFIX}{hex_of(content)[:_SHOWN_DIGITS]}"


def candidates_json(found: Sequence[Candidate], *, root: Path) -> list[dict[str, Any]]:
    """For programs."""
    return [
        {
            "number": one.number,
            "content": one.image.content,
            "locked": one.locked,
            "path": _below(one.path, root),
            "made": {"at": one.image.made.at, "cost": one.image.made.cost, "model": one.image.made.model},
        }
        for one in found
    ]


def _below(path: Path, root: Path) -> str:
    return str(path.relative_to(root)) if path.is_relative_to(root) else str(path)
