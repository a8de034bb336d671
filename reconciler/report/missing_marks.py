"""The shipped files that do not say that they are generated, as text, as JSON and as findings. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from reconciler.core.digest import AssetId
from reconciler.core.errors import Place
from reconciler.core.plan.findings import Finding, a_finding, fingerprint
from reconciler.core.text import printable
from reconciler.core.value import replace, value
from reconciler.report.formats import counted

_SHOWN = 20
"""The most files that are listed; `provenance --verify` has all."""


@value
class Unmarked:
    """A generated file without a mark. `problem`: why its metadata cannot be read."""

    path: str
    asset: AssetId
    place: Place | None
    hint: str
    problem: str = ""


@value
class MarkCheck:
    """How many shipped files a model made, and those of them without a mark."""

    generated: int
    lacking: tuple[Unmarked, ...]


def mark_lines(found: MarkCheck, *, verbose: bool = False) -> Iterator[str]:
    """A line for each file without a mark, up to a limit; or one line that there is none."""
    if not found.lacking:
        yield f"marked as generated: {counted(found.generated, 'file')}"
        return
    shown = found.lacking if verbose else found.lacking[:_SHOWN]
    for one in shown:
        yield f"! {printable(one.path)}  {_message(one)}"
    left = len(found.lacking) - len(shown)
    if left:
        yield f"  and {counted(left, 'more file')} without a mark"
    yield f"{len(found.lacking)} of {counted(found.generated, 'generated file')} without a mark"
    yield f"    hint: {found.lacking[0].hint}"


def marks_json(found: MarkCheck) -> dict[str, Any]:
    """For programs."""
    lacking = [{"path": one.path, "asset": one.asset, "problem": one.problem} for one in found.lacking]
    return {"generated": found.generated, "unmarked": lacking}


def mark_findings(found: MarkCheck) -> Iterator[Finding]:
    """A finding for each file without a mark, at its spec."""
    for one in found.lacking:
        message = f"{printable(one.path)} has {_message(one)}"
        mark = fingerprint("unmarked", one.asset, one.path)
        yield replace(a_finding("unmarked", one.asset, message, hint=one.hint, place=one.place), fingerprint=mark)


def _message(one: Unmarked) -> str:
    because = f" ({printable(one.problem)})" if one.problem else ""
    return f"no mark that it is generated{because}"
