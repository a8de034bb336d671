"""Lines on a terminal: broken at spaces to its width, and coloured. In a pipe they stay as they are.

The form of a line decides its colours: the symbol of an action in its first column, `hint:`, a diff of words, the
totals. Imports next to nothing: the answers from the index are shown by it, too.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:  # typing takes longer to import than all else here
    from collections.abc import Iterator, Mapping
    from typing import IO

BOLD, RED, GREEN, YELLOW, MAGENTA, CYAN = "1", "31", "32", "33", "35", "36"
_SYMBOLS = {"+": GREEN, "~": YELLOW, "<": CYAN, ">": CYAN, "=": CYAN, "!": RED, "?": MAGENTA}
_LABELS = {"hint: ": CYAN, "warning: ": YELLOW, "failed": RED, "blocked": RED, "not sent": RED}
_LEAST = 30
"""The narrowest terminal for which lines are broken."""

Painted = tuple[int, int, str]
"""The characters from one index to another, and their colour."""


def for_terminal(text: str, stream: IO[str], environ: Mapping[str, str]) -> str:
    """Lines as this stream shows them."""
    width, colour = terminal_width(stream, environ), has_colour(stream, environ)
    if not width and not colour:
        return text
    return "\n".join(row for line in text.split("\n") for row in rows(line, width, colour=colour))


def has_colour(stream: IO[str], environ: Mapping[str, str]) -> bool:
    """Whether to use colour: NO_COLOR and TERM=dumb forbid it, FORCE_COLOR and CLICOLOR_FORCE ask for it."""
    if environ.get("NO_COLOR") or environ.get("TERM") == "dumb":
        return False
    if any(environ.get(name, "0") not in ("", "0", "false") for name in ("FORCE_COLOR", "CLICOLOR_FORCE")):
        return True
    return environ.get("CLICOLOR") != "0" and stream.isatty()


def terminal_width(stream: IO[str], environ: Mapping[str, str]) -> int:
    """The columns of a terminal; 0 for anything else, and for a terminal that is too narrow."""
    if not stream.isatty():
        return 0
    try:
        columns = int(environ.get("COLUMNS", "0")) or os.get_terminal_size(stream.fileno()).columns
    except (ValueError, OSError):
        return 0
    return columns if columns >= _LEAST else 0


def rows(line: str, width: int, *, colour: bool) -> Iterator[str]:
    """The rows of one line. Later rows are indented. `width` 0 is unlimited."""
    spans = list(_spans(line)) if colour else []
    indent = 0
    for start, end in _row_ends(line, width):
        yield " " * indent + _coloured(line, start, end, spans)
        indent = _indent(line)


def _row_ends(line: str, width: int) -> Iterator[tuple[int, int]]:
    """Where each row starts and ends: at the last space outside of commands and prices that leaves it short enough, or
    at a space in one of these; at the next space if no space does."""
    start, room = 0, width
    while width and _columns(line[start:]) > room:
        end = _break(line, start, room)
        if end is None:
            break
        yield start, end
        start = end + len(line[end:]) - len(line[end:].lstrip(" "))
        room = width - _indent(line)
    yield start, len(line)


def _break(line: str, start: int, room: int) -> int | None:
    """The index at which a row ends; None if the rest of the line has no space."""
    best = inside = None
    closing = ""
    used = 0
    begin = start + len(line[start:]) - len(line[start:].lstrip(" "))
    for index in range(start, len(line)):
        char = line[index]
        if char == " " and index > begin and line[index - 1] != " ":
            if used > room:
                return best or inside or index
            best, inside = (best, index) if closing else (index, inside)
        if char == closing:
            closing = ""
        elif not closing and (char == "`" or (char == "[" and line[index - 2 : index] == "  ")):
            closing = "`" if char == "`" else "]"
        used += char_columns(char)
    return best or inside


def _columns(text: str) -> int:
    """The columns that a terminal uses for a text."""
    return len(text) if text.isascii() else sum(map(char_columns, text))


def char_columns(char: str) -> int:
    """The columns of one character: two for those of East Asian scripts."""
    if char.isascii():
        return 1
    from unicodedata import east_asian_width  # noqa: PLC0415 - most lines are ASCII

    return 2 if east_asian_width(char) in "WF" else 1


def _indent(line: str) -> int:
    """The indent of later rows."""
    text = line.lstrip(" ")
    own = len(line) - len(text)
    if text.startswith("hint: "):
        return own + 6
    return own + (4 if not own and line[1:2] == " " and line[0] in _SYMBOLS else 2)


def _coloured(line: str, start: int, end: int, spans: list[Painted]) -> str:
    parts: list[str] = []
    at = start
    for first, last, colour in spans:
        first, last = max(first, at), min(last, end)
        if first < last:
            parts += (line[at:first], f"\x1b[{colour}m", line[first:last], "\x1b[0m")
            at = last
    return "".join((*parts, line[at:end]))


def _spans(line: str) -> Iterator[Painted]:
    text = line.lstrip(" ")
    own = len(line) - len(text)
    if own == 0 and line[1:2] == " " and line[0] in _SYMBOLS:
        yield 0, max(1, line.find("  ")), _SYMBOLS[line[0]]
        return
    for label, colour in _LABELS.items():
        if text.startswith(label):
            yield own, own + len(label.rstrip()), colour
    if own == 4 and not text.startswith("hint: "):
        yield from _between(line, {"[-": ("-]", RED), "{+": ("+}", GREEN)})
    elif text.startswith("hint: "):
        yield from _between(line, {"`": ("`", BOLD)})
    elif text.startswith("nothing to do"):
        yield own, len(line), GREEN
    elif text.endswith(" up to date"):
        yield own, len(line), BOLD


def _between(line: str, marks: dict[str, tuple[str, str]]) -> Iterator[Painted]:
    """The parts of a line between marks, with the marks."""
    at = 0
    while True:
        found = [(place, mark) for mark in marks if (place := line.find(mark, at)) >= 0]
        if not found:
            return
        start, mark = min(found)
        closing, colour = marks[mark]
        end = line.find(closing, start + len(mark))
        if end < 0:
            return
        at = end + len(closing)
        yield start, at, colour
