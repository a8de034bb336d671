"""Give the text of a spec an indentation of 2, and take away quotes that YAML 1.2 does not need. Pure.

Text is rewritten line by line and nothing is parsed, so a caller compares the values before and after.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from reconciler.core.value import value

_BLOCK = re.compile(r"(?:^|[\s:-])[|>][+-]?\s*(?:#.*)?$")
_EXPLICIT = re.compile(r"(?:^|[\s:-])[|>][+-]?[1-9][+-]?\s*(?:#.*)?$", re.MULTILINE)
_QUOTED = re.compile(r"""((?:- )*(?:[A-Za-z_][\w.-]*: +)?)(["'])([^"'\\]+)\2([ ]*|[ ]+#.*)""")
_PLAIN = re.compile(r"[^\W_][\w ,;!?./:+()&*%@=~$<>^-]*")
_TYPED = re.compile(r"null|true|false|[-+.0-9][0-9a-fox._e+-]*", re.IGNORECASE)


@value
class _Level:
    """An indentation as it is written, and as it will be."""

    old: int
    new: int


def laid_out(text: str) -> str | None:
    """The text with its new layout; None where a block scalar states its own indentation."""
    if _EXPLICIT.search(text):
        return None
    return "\n".join(_lines(text.split("\n")))


def _lines(lines: list[str]) -> Iterator[str]:
    levels: list[_Level] = []
    body: _Level | None = None  # of a block scalar: the indentation of its parent, then of its first line
    first = True
    comments: list[str] = []
    for line in lines:
        depth = len(line) - len(line.lstrip(" "))
        bare = line.strip()
        if body is not None and (not bare or depth > body.old - (not first)):
            if not bare:
                comments.append(line)
                continue
            if first:
                body, first = _Level(depth, body.new + 2), False
            yield from comments
            comments = []
            yield " " * (body.new + depth - body.old) + line.lstrip(" ")
            continue
        body = None
        if not bare or bare.startswith("#"):
            comments.append(line)
            continue
        while levels and levels[-1].old > depth:
            levels.pop()
        if not levels or levels[-1].old < depth:
            levels.append(_Level(depth, 2 * len(levels)))
        yield from (_moved(each, depth, levels[-1].new, levels) for each in comments)
        comments = []
        yield " " * levels[-1].new + _without_quotes(line.lstrip(" "))
        if _BLOCK.search(bare):
            body, first = levels[-1], True
    yield from (_moved(each, -1, 0, levels) for each in comments)


def _moved(comment: str, depth: int, new: int, levels: list[_Level]) -> str:
    """A comment at the indentation of the line below it if it had that one, else of the level that it stood at."""
    own = len(comment) - len(comment.lstrip(" "))
    if not comment.strip():
        return comment
    at = new if own == depth else max((each.new for each in levels if each.old <= own), default=0)
    return " " * at + comment.lstrip(" ")


def _without_quotes(line: str) -> str:
    found = _QUOTED.fullmatch(line)
    if found is None or not found[1]:
        return line
    text = found[3]
    needed = not _PLAIN.fullmatch(text) or _TYPED.fullmatch(text) or ": " in text or text[-1] in ": "
    return line if needed else f"{found[1]}{text}{found[4]}"
