"""Text and tables in Markdown as GitHub and GitLab read it. Foreign text is shown as code; nothing in it is active."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from reconciler.core.text import printable
from reconciler.core.value import value
from reconciler.report.formats import counted

_ACTIVE = frozenset("`|\\")
"""The characters that a code span in a cell of a table cannot hold."""
_ESCAPED = {ord(char): f"&#{ord(char)};" for char in "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"}
_IN_CODE = _ESCAPED | {ord("@"): "&#64;<!-- -->"}
"""In text, the characters beside an @ are read as an address."""
_LONGEST_CELL = 600


def code(text: str) -> str:
    """Foreign text as code, on one line, that is valid in a cell: no link, mention, image or column is read in it."""
    text = printable(" ".join(text.split()))
    if len(text) > _LONGEST_CELL:
        text = f"{text[: _LONGEST_CELL // 2]} … {text[-_LONGEST_CELL // 2 :]}"
    if not text:
        return ""
    return f"<code>{text.translate(_IN_CODE)}</code>" if _ACTIVE & set(text) else f"`{text}`"


def attribute(text: str) -> str:
    """Text as the value of an attribute in double quotes."""
    return printable(text).translate(_ESCAPED)


@value
class Table:
    """A table: the names of its columns, and its rows. A cell is Markdown on one line."""

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def table_lines(table: Table, *, noun: str, room: int, shown: int) -> Iterator[str]:
    """The table within `room` characters. The first rows are `shown`, the others folded; rows without room are
    counted."""
    rows, left = _fitting(table, room)
    head = (_row(table.head), _row(["---"] * len(table.head)))
    if rows:
        yield from (*head, *rows[:shown])
    folded = rows[shown:]
    if folded:
        yield from ("", f"<details><summary>{len(folded):,} more</summary>", "", *head, *folded, "", "</details>")
    if left:
        yield from ("", f"and {counted(left, f'more {noun}')}, which this report has no room for")


def _fitting(table: Table, room: int) -> tuple[list[str], int]:
    rows: list[str] = []
    room -= 400  # the heads, the fold and the line about the rest
    for each in table.rows:
        row = _row(each)
        room -= len(row.encode()) + 1
        if room < 0:
            break
        rows.append(row)
    return rows, len(table.rows) - len(rows)


def _row(cells: Sequence[str] | Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"
