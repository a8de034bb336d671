"""The end of an apply: one line that says what was made, restored, held, failed and what it cost; the exit code."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from reconciler.core.digest import AssetId
from reconciler.core.errors import Exit
from reconciler.core.pricing import total
from reconciler.core.text import one_line, printable
from reconciler.engine.report import Line, Report, Result

_NAMED = 3
_LONG = 2000
"""The words may end in the path of a file with paid bytes: that is never cut."""
_FAILURES = (Result.FAILED, Result.BLOCKED, Result.NOT_SENT)
_WAITING = (Result.HELD, Result.CONFLICT)


def summary_line(report: Report) -> str:
    """`made 3 (0.117 USD), restored 1, held 2, failed 1`."""
    counts = report.count()
    parts = []
    for result in Result:
        if counts[result]:
            price = f" ({_cost(report)})" if result is Result.MADE else ""
            parts.append(f"{result.value} {counts[result]}{price}")
    return ", ".join(parts) if parts else "nothing was left to do"


def problem_lines(report: Report) -> Iterator[str]:
    """What did not work out, and what the provider said: what ended alike is one line."""
    alike: dict[tuple[Result, str, str], list[AssetId]] = {}
    for line in report.lines:
        if line.words and line.result in (*_FAILURES, *_WAITING):
            alike.setdefault((line.result, line.words, line.hint), []).append(line.asset)
    hints = set()
    for (result, words, hint), assets in alike.items():
        more = f" and {len(assets) - _NAMED} more" if len(assets) > _NAMED else ""
        names = ", ".join(printable(asset) for asset in assets[:_NAMED])
        yield f"{result.value}: {names}{more}: {one_line(words, _LONG)}"
        if hint and hint not in hints:
            yield f"  hint: {hint}"
            hints.add(hint)
    yield from map(str, report.errors)


def exit_code(report: Report) -> Exit:
    """1 if something failed, 3 if something waits for a person, else 0."""
    counts = report.count()
    if report.errors or any(counts[result] for result in _FAILURES):
        return Exit.ERROR
    return Exit.CONSENT if any(counts[result] for result in _WAITING) else Exit.DONE


def report_json(report: Report) -> dict[str, Any]:
    """The report for programs."""
    counts = report.count()
    return {
        "counts": {result.name.lower(): counts[result] for result in Result if counts[result]},
        "cost": _cost(report),
        "assets": [_line_json(line) for line in report.lines],
        **({"errors": [str(error) for error in report.errors]} if report.errors else {}),
    }


def _line_json(line: Line) -> dict[str, Any]:
    told: dict[str, Any] = {"asset": line.asset, "result": line.result.name.lower()}
    if line.cost is not None:
        told["cost"] = str(line.cost)
    if line.words:
        told["words"] = line.words
    if line.outcome:
        told["outcome"] = line.outcome
    if line.hint:
        told["hint"] = line.hint
    return told


def _cost(report: Report) -> str:
    return str(total(line.cost for line in report.lines if line.result is Result.MADE and line.words != "shared"))
