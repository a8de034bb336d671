"""Findings as a code quality report of GitLab."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from reconciler.core.plan.findings import Level, fingerprint
from reconciler.core.text import printable
from reconciler.report.findings.listed import PROJECT_NAME, FindingList, finding_place, group_message
from reconciler.report.formats import Printed, counted, document

MOST_RESULTS = 5_000
_SEVERITIES = {Level.ERROR: "major", Level.WARNING: "minor", Level.NOTE: "info"}


def gitlab(listed: FindingList) -> Printed:
    """A JSON array with one object for each finding. No two have the same fingerprint: GitLab would drop one."""
    return document(list(_results(listed)))


def _results(listed: FindingList) -> Iterator[dict[str, Any]]:
    groups = listed.groups()
    used: dict[str, int] = {}
    for group in groups[:MOST_RESULTS]:
        first = group[0]
        place = finding_place(first, listed.around)
        times = used[first.fingerprint] = used.get(first.fingerprint, 0) + 1
        hint = f" (hint: {printable(first.hint)})" if first.hint else ""
        yield {
            "description": f"{group_message(group, listed.price(group))}{hint}",
            "check_name": first.rule,
            "fingerprint": first.fingerprint if times == 1 else fingerprint(first.fingerprint, str(times)),
            "severity": _SEVERITIES[first.level],
            "location": {"path": printable(place.file), "lines": {"begin": place.line or 1}},
        }
    more = len(groups) - MOST_RESULTS
    if more > 0:
        yield {
            "description": f"and {counted(more, 'more finding')}",
            "check_name": "more",
            "fingerprint": fingerprint("more"),
            "severity": "info",
            "location": {"path": printable(f"{listed.around.prefix}{PROJECT_NAME}"), "lines": {"begin": 1}},
        }
