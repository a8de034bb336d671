"""Check bytes before a YAML parser reads them, choose the parser, and word its errors."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final, Protocol, TypeAlias

from yaml.error import MarkedYAMLError
from yaml.events import Event

from reconciler.core.errors import InvalidInput, Place, Problem
from reconciler.store.yaml.marks import BREAK
from reconciler.store.yaml.pure_parser import PureParser

MAX_BYTES: Final = 1024 * 1024

_PLAIN: Final = bytes([9, 10, 13, *range(32, 127)])
_FORBIDDEN: Final = "[^\t\n\r -~\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]"
"""A pattern, compiled on use like the next two: few commands need them, and this one takes 3 ms."""
_BREAKS: Final = {"\x85": r"\N", "\u2028": r"\L", "\u2029": r"\P"}
_DIRECTIVE: Final = rb"%(?<![^\r\n]%)(?!YAML[ \t]+1\.[12][ \t]*(?:[ \t]#[^\r\n]*)?(?:[\r\n]|\Z))"
_CONFLICT: Final = rb"(?m)^<{7} "
_CONFLICT_END: Final = rb"(?m)^>{7}(?: |$)"
_ESCAPED_TAG: Final = rb"(?<!\S)[^\s!]*+(!\S*%[89a-fA-F])"
BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
_ENCODINGS: Final = {b"\xff\xfe": "UTF-16", b"\xfe\xff": "UTF-16"}
_HINTS: Final = (
    ("mapping values are not allowed", 'quote a text that contains ": ", or check the indentation'),
    ("cannot start any token", "quote a text that starts with this character"),
    ("hex", r"write \\ for a backslash, or use single quotes"),
    ("escape", r"write \\ for a backslash, or use single quotes"),
    ("undefined tag handle", "quote a text that starts with !"),
    ("alphabetic or numeric", "quote a text that starts with this character"),
    ("end of stream", "close the quote"),
    ("expected key", "check the indentation, and that quotes and brackets are closed"),
    ("expected ':'", "check the indentation, and that quotes and brackets are closed"),
    ("expected ','", "close the bracket, or quote the text"),
)


class EventParser(Protocol):
    """The part of PyYAML that is used: both its parsers have it."""

    def peek_event(self) -> Event | None:
        """The next event, which stays the next one."""
        ...

    def get_event(self) -> Event | None:
        """The next event, None after the last."""
        ...


Start: TypeAlias = Callable[[bytes], EventParser]


try:
    from yaml._yaml import CParser

    PARSERS: tuple[Start, ...] = (CParser, PureParser)
except ImportError:  # PyYAML was built without libyaml: the same answers, slower
    PARSERS = (PureParser,)


def bad(file: str, at: tuple[int, int], fact: str, hint: str = "", *, field: str = "") -> InvalidInput:
    """One problem at a line and column that count from 1."""
    return InvalidInput((Problem(Place(file, *at), field, fact, hint),))


def check_source(data: bytes, file: str) -> None:
    """Refuse bytes that are not YAML text as a spec may have it, so that both parsers read the same characters."""
    if len(data) > MAX_BYTES:
        raise bad(file, _position(data, MAX_BYTES), f"the file has {len(data)} bytes, {MAX_BYTES} is the limit")
    if b"<<<<<<< " in data and (found := _conflict(data)):
        hint = "keep one side, and remove the lines <<<<<<<, ======= and >>>>>>>"
        raise bad(file, _position(data, found.start()), "has git conflict markers", hint)
    if data.translate(None, _PLAIN):  # a microsecond for a spec in ASCII, which most are
        _check_characters(data, file)
    if b"%" in data and (found := re.search(_DIRECTIVE, data)):
        # libyaml compares each %TAG with all others: a file of them takes minutes
        raise bad(file, _position(data, found.start()), "a line starts with %: only the directive %YAML 1.2 is known")


def _conflict(data: bytes) -> re.Match[bytes] | None:
    """The first line that begins a conflict, if a line that ends one follows."""
    found = re.search(_CONFLICT, data)
    return found if found and re.compile(_CONFLICT_END).search(data, found.end()) else None


def _check_characters(data: bytes, file: str) -> None:
    for start, name in _ENCODINGS.items():
        if data.startswith(start):
            raise bad(file, (1, 1), f"the file starts with {name}", "save it as UTF-8 without a byte order mark")
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        at = _position(data, error.start)
        raise bad(file, at, f"byte 0x{data[error.start]:02x} is not UTF-8", "save the file as UTF-8") from error
    if found := re.search(_FORBIDDEN, text):
        character = found.group()
        at = _position(text[: found.start()].encode(), None)
        if escape := _BREAKS.get(character):  # YAML 1.1 breaks lines here, 1.2 does not
            hint = f'remove it, or write {escape} inside "double quotes"'
            raise bad(file, at, f"the line separator U+{ord(character):04X} is not allowed", hint)
        raise bad(file, at, f"the control character U+{ord(character):04X} is not allowed", "remove it")


def _position(data: bytes, end: int | None) -> tuple[int, int]:
    """Line and column, from 1, of the character after `data[:end]`."""
    lines = BREAK.split(data[:end].decode(errors="ignore"))
    return len(lines), len(lines[-1]) + 1


def syntax_problem(error: Exception, data: bytes, file: str) -> InvalidInput:
    """The error of a parser as a message with its position."""
    if not isinstance(error, MarkedYAMLError) or error.problem_mark is None:
        # libyaml decodes %XX in a tag without checking the result
        tag = re.search(_ESCAPED_TAG, data)
        return bad(file, _position(data, tag.start(1) if tag else 0), "tags are not supported")
    text, mark, start = data.decode(), error.problem_mark, error.context_mark
    fact = f"{error.problem}, {error.context}" if error.context else str(error.problem)
    hint = _hint(fact, text, mark)
    if start is not None and mark.index >= len(text):
        mark = start  # an unclosed bracket or quote is reported at its start
    elif start is not None and start.line != mark.line:
        fact += f" that starts on line {start.line + 1}"
    return bad(file, (mark.line + 1, mark.column + 1), fact, hint)


def _hint(fact: str, text: str, mark: Any) -> str:
    lines = BREAK.split(text)
    line = lines[mark.line] if mark.line < len(lines) else ""
    if line[mark.column : mark.column + 1] == "\t":
        return "indent with spaces"
    return next((hint for words, hint in _HINTS if words in fact), "")
