"""Findings as SARIF 2.1.0, for code scanning."""

from __future__ import annotations

from typing import Any

from reconciler import __version__
from reconciler.core.plan.findings import RULES, Finding, Level
from reconciler.core.text import printable
from reconciler.report.findings.listed import FindingList, finding_place, group_message
from reconciler.report.findings.uri import uri_path
from reconciler.report.formats import Printed, counted, document

MAX_RESULTS = 5_000
"""GitHub shows this many results of a run."""
_LEVELS = {Level.ERROR: "error", Level.WARNING: "warning", Level.NOTE: "note"}
_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_NUMBERS = {rule: number for number, rule in enumerate(RULES)}


def sarif(listed: FindingList) -> Printed:
    """One run with a result for each finding; a notification says how many more there are than may be shown."""
    groups = listed.groups()
    more = len(groups) - MAX_RESULTS
    notes = [{"level": "note", "message": {"text": f"and {counted(more, 'more finding')}"}}] if more > 0 else []
    run = {
        "tool": {"driver": {"name": "reconciler", "version": __version__, "rules": _rules()}},
        "invocations": [{"executionSuccessful": bool(listed.title), "toolExecutionNotifications": notes}],
        "originalUriBaseIds": {"SRCROOT": {"description": {"text": "The root of the repository."}}},
        "columnKind": "unicodeCodePoints",
        "results": [_result(group, listed) for group in groups[:MAX_RESULTS]],
    }
    return document({"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]})


def _rules() -> list[dict[str, Any]]:
    return [
        {"id": rule, "shortDescription": {"text": text}, "properties": {"tags": ["images"]}}
        for rule, text in RULES.items()
    ]


def _result(group: tuple[Finding, ...], listed: FindingList) -> dict[str, Any]:
    first = group[0]
    place = finding_place(first, listed.around)
    region: dict[str, Any] = {"startLine": place.line or 1}
    if place.column:
        region["startColumn"] = place.column
    hint = f"\nhint: {printable(first.hint)}" if first.hint else ""
    return {
        "ruleId": first.rule,
        "ruleIndex": _NUMBERS[first.rule],
        "level": _LEVELS[first.level],
        "message": {"text": f"{group_message(group, listed.price(group))}{hint}"},
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": {"uri": uri_path(place.file), "uriBaseId": "SRCROOT"},
                    "region": region,
                }
            }
        ],
        "partialFingerprints": {"reconciler/v1": first.fingerprint},
    }
