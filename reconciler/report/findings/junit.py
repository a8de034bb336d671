"""Findings as JUnit XML: a test case for each asset, which fails if the asset has an error."""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.core.plan.findings import Finding, Level
from reconciler.core.text import printable
from reconciler.report.findings.listed import LOCKFILE_NAME, PROJECT_NAME, FindingList
from reconciler.report.formats import Printed

_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&apos;"}


def junit(listed: FindingList) -> Printed:
    """One test suite. The class of a test case is the file of its spec, the type of a failure is the rule."""
    cases: dict[tuple[str, str], list[Finding]] = {(one.file, one.asset): [] for one in listed.assets}
    files: dict[str, str] = {one.asset: one.file for one in listed.assets}
    for each in listed.findings:
        file = files.get(each.asset) or (
            each.place.file if each.place else LOCKFILE_NAME if each.asset else PROJECT_NAME
        )
        cases.setdefault((file, each.asset or each.rule), []).append(each)
    if not cases:
        cases = {(PROJECT_NAME, "reconciler"): []}
    failed = sum(any(each.level is Level.ERROR for each in found) for found in cases.values())
    counts = f'tests="{len(cases)}" failures="{failed}" errors="0"'
    lines = (line for (file, name), found in cases.items() for line in _case(file, name, found))
    return Printed(
        (
            '<?xml version="1.0" encoding="UTF-8"?>',
            f'<testsuites name="reconciler" {counts}>',
            f'  <testsuite name="{" ".join(("reconciler", listed.title)).strip()}" {counts}>',
            *lines,
            f"    <system-out>{_xml(listed.headline)}</system-out>",
            "  </testsuite>",
            "</testsuites>",
        )
    )


def _case(file: str, name: str, found: list[Finding]) -> Iterator[str]:
    line = next((each.place.line for each in found if each.place is not None), 0)
    at = f' line="{line}"' if line else ""
    head = f'    <testcase classname="{_xml(file)}" name="{_xml(name)}" file="{_xml(file)}"{at}'
    if not found:
        yield f"{head}/>"
        return
    yield f"{head}>"
    for each in sorted(found, key=lambda one: one.level is not Level.ERROR):  # failures stand before the output
        text = "\n".join((each.message, *each.details, *((f"hint: {each.hint}",) if each.hint else ())))
        if each.level is Level.ERROR:
            yield f'      <failure type="{_xml(each.rule)}" message="{_xml(each.message)}">{_lines(text)}</failure>'
        else:
            yield f"      <system-out>{_xml(each.level.value)}: {_lines(text)}</system-out>"
    yield "    </testcase>"


def _lines(text: str) -> str:
    return "\n".join(map(_xml, text.split("\n")))


def _xml(text: str) -> str:
    """Text of XML 1.0: `printable` leaves none of the characters that XML cannot hold."""
    text = printable(text)
    for char, entity in _ENTITIES.items():
        text = text.replace(char, entity)
    return text
