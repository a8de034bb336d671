"""The table of reports and their formats. The `--format` option of every command is derived from it.

A format of a report is one pure function: it takes the facts of the report and returns the text to print.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from importlib import import_module
from typing import Any

from reconciler.core.json_text import json_list_text, json_text
from reconciler.core.value import replace, value


@value
class Printed:
    """The lines for stdout, and those for people on stderr: warnings come before them, a hint after.

    `prose`: a terminal may break these lines at spaces and colour them. Otherwise they are a table or data.
    """

    out: tuple[str, ...]
    err: tuple[str, ...] = ()
    hint: str = ""
    prose: bool = False


REPORTS: dict[str, dict[str, str]] = {
    "against": {"text": "against:against_text", "json": "against:against_json"},
    "apply": {"text": "apply_report:apply_text", "json": "apply_report:apply_json"},
    "batches": {"text": "batches:batches_text", "json": "batches:batches_json"},
    "batches cancel": {"text": "batches:batches_text", "json": "batches:batches_json"},
    "check": {"text": "plan_report:check_text", "json": "plan_report:check_json"},
    "collect": {"text": "batches:batches_text", "json": "batches:batches_json"},
    "choose": {"text": "candidates:candidates_text", "json": "candidates:candidates_document"},
    "costs": {"text": "costs:costs_text", "json": "costs:costs_json"},
    "derive": {"text": "derive_report:derive_text", "json": "derive_report:derive_json"},
    "derived file": {"text": "derived_file:derived_file_text", "json": "derived_file:derived_file_document"},
    "error": {"text": "validation:error_text", "json": "validation:error_json", "events": "validation:error_event"},
    "explain": {"text": "explain:explain_text", "json": "explain:explain_json"},
    "ls": {"text": "asset_list:asset_list_text", "json": "asset_list:asset_list_json"},
    "models": {"text": "providers:models_text", "json": "providers:models_document"},
    "plan": {"text": "plan_report:plan_text", "json": "plan_report:plan_document"},
    "provenance": {
        "text": "provenance.for_people:provenance_text",
        "json": "provenance.documents:provenance_json",
        "csv": "provenance.tables:provenance_csv",
        "md": "provenance.tables:provenance_markdown",
        "spdx": "provenance.documents:provenance_spdx",
    },
    "push": {"text": "team:push_text", "json": "team:push_json"},
    "providers": {"text": "providers:providers_text", "json": "providers:providers_json"},
    "fetch": {"text": "fetch:fetch_text", "json": "fetch:fetch_json"},
    "recover": {"text": "recover:recover_text", "json": "recover:recover_json"},
    "release verify": {"text": "release:release_text", "json": "release:release_json"},
    "review": {"text": "reviews:reviews_text", "json": "reviews:reviews_json"},
    "show": {"text": "show:show_text", "json": "show:show_json"},
    "store ls": {"text": "store:objects_text", "json": "store:objects_json"},
    "store verify": {"text": "store:damages_text", "json": "store:damages_json"},
    "store verify remote": {"text": "team:team_verified_text", "json": "team:team_verified_json"},
    "team": {"text": "team:team_text", "json": "team:team_json"},
    "submit": {"text": "batches:batches_text", "json": "batches:batches_json"},
    "validate": {"text": "validation:validation_text", "json": "validation:validation_json"},
}
"""Each report with its formats: `module:function`, loaded when it is used. The first is the default."""

FINDINGS: dict[str, str] = {
    "against": "findings.against:against_findings",
    "check": "findings.listed:check_findings",
    "error": "findings.listed:error_findings",
    "plan": "findings.listed:planned_findings",
    "validate": "findings.listed:validation_findings",
}
"""The reports that can be shown as a list of findings, and the function that lists them."""
FINDING_FORMATS: dict[str, str] = {
    "github": "findings.github:github",
    "gitlab": "findings.gitlab:gitlab",
    "junit": "findings.junit:junit",
    "markdown": "findings.markdown:markdown",
    "sarif": "findings.sarif:sarif",
}
"""The formats of every list of findings."""


def formats_of(report: str) -> tuple[str, ...]:
    """The names of the formats of a report, the default first."""
    return (*REPORTS[report], *(FINDING_FORMATS if report in FINDINGS else ()))


def render(report: str, format_: str, facts: object, around: object = None) -> Printed:
    """The report in this format. All formats of a report take the same facts; lists of findings also take the
    `Surroundings` of the reader."""
    if format_ in REPORTS[report]:
        return _printed(REPORTS[report][format_], facts)
    listed = _function(FINDINGS[report])(facts)
    return list_printed(format_, listed if around is None else replace(listed, around=around))


def list_printed(format_: str, listed: object) -> Printed:
    """A `FindingList` in one of its formats."""
    return _printed(FINDING_FORMATS[format_], listed)


def _printed(place: str, facts: object) -> Printed:
    printed: Printed = _function(place)(facts)
    return printed


def _function(place: str) -> Any:
    module, _, name = place.partition(":")
    return getattr(import_module(f"reconciler.report.{module}"), name)


def document(value: Any) -> Printed:
    """One JSON document."""
    return Printed((json_text(value, indent=2),))


def list_document(head: Mapping[str, Any], name: str, items: Iterable[Any]) -> Printed:
    """One JSON document that ends in a long list under `name`, with a line for each item."""
    return Printed((json_list_text(head, name, items),))


def json_line(value: Any) -> Printed:
    """One JSON document on one line, at the end of a stream of them."""
    return Printed((json_text(value),))


def counted(number: int, noun: str) -> str:
    """`1 asset`, `10,000 assets`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def separated(blocks: Iterable[Iterable[str]]) -> Printed:
    """Blocks of lines with an empty line between them."""
    lines: list[str] = []
    for number, block in enumerate(blocks):
        lines += ("",) if number else ()
        lines += block
    return Printed(tuple(lines))
