"""The candidates of an asset, for people and for programs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from reconciler.core.candidates import Candidate
from reconciler.core.digest import CONTENT_PREFIX, AssetId, ContentHash, hex_of
from reconciler.core.lock.lockfile import LockEntry
from reconciler.core.plan.observed import rejected_by
from reconciler.core.text import one_line, printable, relative_path
from reconciler.core.value import value
from reconciler.report.formats import Printed, counted, document

_SHOWN_DIGITS = 12
_WIDTH = 100


@value
class CandidateFacts:
    """The candidates of an asset. The locked image may be none of them. Paths are relative to `root`."""

    asset: AssetId
    entry: LockEntry | None
    found: tuple[Candidate, ...]
    root: Path


def candidates_text(facts: CandidateFacts) -> Printed:
    """A line for each candidate that is not rejected, and one for a locked image that is none of them."""
    lines = tuple(candidate_lines(facts.found, root=facts.root))
    left = len(facts.found) - len(lines)
    if left:
        verb = "is" if left == 1 else "are"
        lines = (*lines, f"{counted(left, 'candidate')} that reviewers rejected {verb} not listed")
    if not facts.found:
        return Printed(("the store has no image for the locked recipe",))
    if facts.entry is None or any(one.locked for one in facts.found):
        return Printed(lines)
    made = "a draft" if facts.entry.made.placeholder else "an adopted image, or one from another checkout"
    return Printed((*lines, f"*    {short_hash(facts.entry.content)}  {made} is locked, not one of these"))


def candidates_document(facts: CandidateFacts) -> Printed:
    """The candidates for programs."""
    return document({"asset": facts.asset, "candidates": candidates_json(facts.found, root=facts.root)})


def candidate_lines(found: Sequence[Candidate], *, root: Path) -> Iterator[str]:
    """A line for each that is not rejected, and for the locked one, which is marked."""
    for one in offered(found):
        image, made = one.image.image, one.image.made
        facts = f"{image.width}x{image.height}  {made.cost or 'price unknown'}  {made.at}"
        mark = "*" if one.locked else " "
        path = printable(relative_path(one.path, root))
        wrong = f"  {printable(one.image.misfit.message)}" if one.image.misfit is not None else ""
        if one.rejected is not None:
            wrong += f"  {one_line(rejected_by(one.rejected.by, one.rejected.at, one.rejected.note), _WIDTH)}"
        yield f"{mark} {one.number}  {short_hash(one.image.content)}  {facts}  {path}{wrong}"


def offered(found: Sequence[Candidate]) -> tuple[Candidate, ...]:
    """The candidates that are not rejected, and the locked one. Their numbers stay as they were."""
    return tuple(one for one in found if one.rejected is None or one.locked)


def short_hash(content: ContentHash) -> str:
    """The content hash, shortened."""
    return f"{CONTENT_PREFIX}{hex_of(content)[:_SHOWN_DIGITS]}"


def candidates_json(found: Sequence[Candidate], *, root: Path) -> list[dict[str, Any]]:
    """Those that are offered, for programs."""
    return [
        {
            "number": one.number,
            "content": one.image.content,
            "locked": one.locked,
            "path": relative_path(one.path, root),
            "made": {"at": one.image.made.at, "cost": one.image.made.cost, "model": one.image.made.model},
            **({"wrong": one.image.misfit.message} if one.image.misfit is not None else {}),
            **({"rejected": {"by": why.by, "at": why.at, "note": why.note}} if (why := one.rejected) else {}),
        }
        for one in offered(found)
    ]
