"""Findings as annotations of GitHub Actions: workflow commands, at most ten of each kind.

GitHub shows ten annotations of a kind for each step, and drops the others without a word. So the tenth says how many
more there are.
"""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.core.plan.findings import Finding, Level
from reconciler.core.text import printable
from reconciler.report.findings.listed import FindingList, finding_place, group_message
from reconciler.report.formats import Printed, counted

MAX_ANNOTATIONS = 10
_KINDS = {Level.ERROR: "error", Level.WARNING: "warning", Level.NOTE: "notice"}


def github(listed: FindingList) -> Printed:
    """One workflow command for each finding, at the line that causes it."""
    return Printed(tuple(_commands(listed)))


def _commands(listed: FindingList) -> Iterator[str]:
    groups = listed.groups()
    for level, kind in _KINDS.items():
        of_level = [group for group in groups if group[0].level is level]
        shown = of_level if len(of_level) <= MAX_ANNOTATIONS else of_level[: MAX_ANNOTATIONS - 1]
        for group in shown:
            yield _command(kind, group, listed)
        if more := len(of_level) - len(shown):
            text = f"and {counted(more, f'more {kind}')}; the output of the command lists them"
            yield f"::{kind} title=reconciler::{text}"


def _command(kind: str, group: tuple[Finding, ...], listed: FindingList) -> str:
    first = group[0]
    place = finding_place(first, listed.around)
    where = {"file": place.file, "line": str(place.line or 1)} | ({"col": str(place.column)} if place.column else {})
    properties = where | {"title": f"reconciler: {first.rule}"}
    text = group_message(group, listed.price(group))
    message = f"{text}\nhint: {printable(first.hint)}" if first.hint else text
    return f"::{kind} {','.join(f'{name}={_property(value)}' for name, value in properties.items())}::{_data(message)}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(printable(text)).replace(":", "%3A").replace(",", "%2C")
