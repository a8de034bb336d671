"""The end of an apply: one line with the counts of each result and the cost, the problems, and the exit code."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from reconciler.core.digest import AssetId
from reconciler.core.errors import Exit
from reconciler.core.events import Failed, Requested
from reconciler.core.money.cost import total
from reconciler.core.text import one_line, printable
from reconciler.engine.report import DISK_ERROR, Line, Report, Result
from reconciler.report.in_doubt import in_doubt_json, in_doubt_total

_NAMED = 3
_LONG = 2000
"""A message may end in the path of a file with a paid image, which must not be truncated."""
_FAILURES = (Result.FAILED, Result.BLOCKED, Result.NOT_SENT)
_WAITING = (Result.HELD, Result.CONFLICT, Result.WAITING)


_HINTS = {
    "OutOfCredit": "top up the account, then run `reconciler apply` again",
    "BadKey": "`reconciler providers` shows the variable of the key: check it, then run `reconciler apply` again",
    "InDoubt": "check the provider's bill; `reconciler recover` lists the requests in doubt",
}
_PROXY = "if there is a proxy, set `trust_env: true` under the provider"
_UNREACHABLE = {
    "cannot connect: its name does not resolve": f"check the network, and the name in base_url; {_PROXY}",
    "cannot connect: the connection was refused": "nothing listens there: start the server, or check base_url",
    "cannot connect": f"check the network; {_PROXY}",
    "connecting took too long": f"check the network; {_PROXY}",
}
"""The hint for the first of these that a message contains."""


def summary_line(report: Report, *, in_doubt: Sequence[Requested] = ()) -> str:
    """`made 3 (0.117 USD), restored 1, held 2, failed 1; 1 request in doubt may have cost 0.039 USD`.

    `in_doubt` are the requests without a recorded end for assets of this run, candidates included.
    """
    counts = report.count()
    parts = []
    for result in Result:
        if counts[result]:
            price = f" ({_cost(report)})" if result is Result.MADE else ""
            parts.append(f"{result.value} {counts[result]}{price}")
    noun = "request" if len(in_doubt) == 1 else "requests"
    doubt = f"; {len(in_doubt)} {noun} in doubt may have cost {in_doubt_total(in_doubt)}" if in_doubt else ""
    return (", ".join(parts) if parts else "nothing to do") + doubt


def problem_lines(report: Report, *, in_doubt: Sequence[Requested] = ()) -> Iterator[str]:
    """The problems, with the messages of providers. Assets with the same problem share a line; no hint is repeated."""
    alike: dict[tuple[str, str], list[tuple[str, AssetId]]] = {}
    stops = [line for line in report.lines if line.result is Result.NOT_SENT]
    for line in report.lines:
        if line.message and line.result in (*_FAILURES, *_WAITING):
            # the line of the request that stopped the rest
            its = next((stop for stop in stops if stop.message.endswith(f": {line.message}")), line)
            alike.setdefault((its.message, _hint(its)), []).append((line.result.value, line.asset))
    for asset in _made_and_doubted(report, in_doubt):
        message = "an image is locked, but another request for it has no response"
        alike.setdefault((message, _HINTS["InDoubt"]), []).append(("in doubt", asset))
    hints = set()
    for (message, hint), results in alike.items():
        kinds = ", ".join(dict.fromkeys(kind for kind, _ in results))
        more = f" and {len(results) - _NAMED} more" if len(results) > _NAMED else ""
        names = ", ".join(printable(asset) for _, asset in results[:_NAMED])
        yield f"{kinds}: {names}{more}: {one_line(message, _LONG)}"
        if hint and hint not in hints:
            yield f"  hint: {hint}"
            hints.add(hint)
    yield from map(str, report.errors)


def _made_and_doubted(report: Report, in_doubt: Sequence[Requested]) -> list[AssetId]:
    doubted = {one.asset for one in in_doubt}
    return [line.asset for line in report.lines if line.result is Result.MADE and line.asset in doubted]


def _hint(line: Line) -> str:
    network = next((hint for fact, hint in _UNREACHABLE.items() if fact in line.message), "")
    return line.hint or _HINTS.get(line.outcome, network)


def failed_line(event: Failed) -> str:
    """One failed asset. The cause follows in the summary, except the path of a paid image, which must not wait."""
    why = f": {one_line(event.message, _LONG)}" if event.outcome == DISK_ERROR else ""
    return f"failed {printable(event.asset)}{why}"


def exit_code(report: Report, *, in_doubt: Sequence[Requested] = ()) -> Exit:
    """1 if something failed, 3 if something needs a decision, else 0."""
    counts = report.count()
    if report.errors or any(counts[result] for result in _FAILURES):
        return Exit.ERROR
    return Exit.CONSENT if in_doubt or any(counts[result] for result in _WAITING) else Exit.DONE


def report_json(report: Report, *, in_doubt: Sequence[Requested] = ()) -> dict[str, Any]:
    """The report for programs."""
    counts = report.count()
    return {
        "counts": {result.name.lower(): counts[result] for result in Result if counts[result]},
        "cost": _cost(report),
        "assets": [_line_json(line) for line in report.lines],
        **({"in_doubt": in_doubt_json(in_doubt)} if in_doubt else {}),
        **({"errors": [str(error) for error in report.errors]} if report.errors else {}),
    }


def _line_json(line: Line) -> dict[str, Any]:
    result: dict[str, Any] = {"asset": line.asset, "result": line.result.name.lower()}
    if line.cost is not None:
        result["cost"] = str(line.cost)
    if line.message:
        result["words"] = line.message
    if line.outcome:
        result["outcome"] = line.outcome
    if line.hint:
        result["hint"] = line.hint
    return result


def _cost(report: Report) -> str:
    return str(total(line.cost for line in report.lines if line.result is Result.MADE and line.message != "shared"))
