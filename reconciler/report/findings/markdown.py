"""Findings in Markdown, for the summary of a job and for a comment on a pull request."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from reconciler.core.plan.findings import Finding
from reconciler.core.text import printable
from reconciler.report.findings.listed import FindingList, PictureLinks
from reconciler.report.findings.markdown_text import Table, attribute, code, table_lines
from reconciler.report.findings.uri import path_bytes, uri_path
from reconciler.report.formats import Printed, counted

SHOWN_ROWS = 20
"""The rows that are shown unfolded."""
_THUMBNAIL = 96


def markdown(listed: FindingList) -> Printed:
    """The result, a table of what is left, and the rest folded. Within the room that the reader has."""
    head = [f"### {' '.join(('reconciler', listed.title)).strip()}: {listed.headline}", ""]
    groups = listed.groups()
    if not groups and not listed.made:
        return Printed(tuple(head[:1]))
    looks = bool(listed.around.links.raw or listed.around.links.diff)
    columns = ("asset", "finding", "why", "price") + (("look",) if looks else ())
    rows = tuple(_cells(group, listed, looks=looks) for group in groups)
    room = listed.around.room - sum(map(len, head))
    made = tuple(_made_lines(listed, room // 2 if rows else room))
    room -= sum(len(line.encode()) + 1 for line in made)
    body = table_lines(Table(columns, rows), noun="finding", room=room, shown=SHOWN_ROWS)
    return Printed((*head, *body, *made))


def _made_lines(listed: FindingList, room: int) -> Iterator[str]:
    """The images that were made, in a table of their own."""
    links, prefix = listed.around.links, listed.around.prefix
    looks = bool(links.raw or links.diff)
    rows = tuple(
        (code(one.asset), printable(one.cost), *((picture_look(one.output, prefix, links),) if looks else ()))
        for one in listed.made
    )
    if rows:
        yield from ("", "Made in these commits:", "")
        head = ("asset", "cost", *(("look",) if looks else ()))
        yield from table_lines(Table(head, rows), noun="image", room=room - 30, shown=SHOWN_ROWS)


def picture_look(output: str, prefix: str, links: PictureLinks) -> str:
    """The image of an output at a width of a thumbnail, or a link to its comparison in the pull request."""
    path = f"{prefix}{output}"
    if links.raw:
        return f'<img width="{_THUMBNAIL}" alt="" src="{attribute(links.raw + uri_path(path))}">'
    if links.diff:
        return f"[compare]({links.diff}#diff-{hashlib.sha256(path_bytes(path)).hexdigest()})"
    return ""


def _cells(group: tuple[Finding, ...], listed: FindingList, *, looks: bool) -> tuple[str, ...]:
    first = group[0]
    others = sum(each.others + 1 for each in group) - 1
    name = code(first.asset or (str(first.place) if first.place is not None else ""))
    name += f" and {counted(others, 'more asset')}" if others else ""
    why = " ".join(map(code, first.details or (first.message,)))
    hint = f"<br>{code(first.hint)}" if first.hint else ""
    cells: tuple[str, ...] = (name, first.rule, why + hint, printable(listed.price(group)))
    return (*cells, _look(first, listed)) if looks else cells


def _look(finding: Finding, listed: FindingList) -> str:
    step = listed.steps.get(finding.asset)
    if step is None or getattr(step, "entry", None) is None or finding.rule == "missing":
        return ""
    return picture_look(step.output, listed.around.prefix, listed.around.links)
