"""The candidates of an asset, for people and for programs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from reconciler.core.candidates import Candidate
from reconciler.core.digest import CONTENT_PREFIX, ContentHash, hex_of
from reconciler.core.text import printable

_SHOWN_DIGITS = 12


def candidate_lines(found: Sequence[Candidate], *, root: Path) -> Iterator[str]:
    """A line for each; the locked one is marked."""
    for one in found:
        image, made = one.image.image, one.image.made
        facts = f"{image.width}x{image.height}  {made.cost or 'price unknown'}  {made.at}"
        mark = "*" if one.locked else " "
        yield f"{mark} {one.number}  {short_hash(one.image.content)}  {facts}  {printable(_below(one.path, root))}"


def short_hash(content: ContentHash) -> str:
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
