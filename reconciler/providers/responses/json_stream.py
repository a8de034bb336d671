"""Parse a JSON response from a file without holding its images: long strings stay in the file, known by position.

Memory is bounded by the frame (the JSON without its long strings), whatever the size of the body.
"""

from __future__ import annotations

import binascii
import json
import re
from collections.abc import Iterable, Iterator
from typing import IO, Protocol

import pybase64

from reconciler.core.digest import Json
from reconciler.core.value import value

SCAN_CHUNK = 192 * 1024
LONG = 16 * 1024
"""A string of more bytes stays in the file."""
FRAME = 1024 * 1024
"""The most bytes of a response beside its long strings."""
DEPTH = 64

# Possessive quantifiers: no backtracking on hostile strings.
_IN_STRING = re.compile(rb'[^"\\]*+(?:\\.[^"\\]*+)*+', re.DOTALL)
_BRACKET = re.compile(rb"[\[\]{}]")
_MARK = "\0long "


@value
class Span:
    """The position of a long string in the file, in bytes, without its quotes."""

    start: int
    end: int
    escaped: bool


@value
class Frame:
    """A JSON value whose long strings are replaced by marks; `long_string` resolves them."""

    value: Json
    spans: tuple[Span, ...]

    def long_string(self, text: str) -> Span | None:
        """The position of the string that this mark replaces; None for an ordinary string."""
        number = text.removeprefix(_MARK)
        known = text.startswith(_MARK) and number.isascii() and number.isdigit() and len(number) < 8
        return self.spans[int(number)] if known and int(number) < len(self.spans) else None


@value
class CutShort:
    """The text ended inside a value."""


@value
class NotJson:
    """The reason that the text is not JSON, or exceeds a limit."""

    why: str


class Reads(Protocol):
    """A stream of bytes."""

    def read(self, size: int, /) -> bytes: ...


def scan(stream: Reads) -> Frame | CutShort | NotJson:
    """The frame of the JSON text in a file."""
    scanner = _Scanner()
    while chunk := stream.read(SCAN_CHUNK):
        wrong = scanner.feed(chunk)
        if wrong:
            return NotJson(wrong)
    if scanner.open:
        return CutShort()
    try:
        value, _ = json.JSONDecoder().raw_decode(bytes(scanner.frame).decode())  # text behind it is ignored
    except (ValueError, RecursionError):
        return NotJson("not JSON")
    return Frame(value, tuple(scanner.spans))


def _end_of_string(chunk: bytes, position: int) -> int:
    """The position of the quote, or of the incomplete escape, that ends this part of a string.

    The expression is for strings with escapes. Base64 has none, and searching for two bytes is 20 times as fast.
    """
    quote = chunk.find(b'"', position)
    end = quote if quote >= 0 else len(chunk)
    if chunk.find(b"\\", position, end) < 0:
        return max(end, position)
    match = _IN_STRING.match(chunk, position)
    return match.end() if match else position


class _Scanner:
    """Copies a JSON text without its long strings."""

    def __init__(self) -> None:
        self.frame = bytearray()
        self.spans: list[Span] = []
        self._offset = 0
        self._depth = 0
        self._string: bytearray | None = None  # the beginning of the current string; None outside of strings
        self._start = 0
        self._escaped = False
        self._after_backslash = False

    @property
    def open(self) -> bool:
        """Whether a string or a bracket is not closed yet."""
        return self._string is not None or self._depth > 0

    def feed(self, chunk: bytes) -> str:
        """Parse the next bytes. Returns the error in them, or ""."""
        position = 0
        while position < len(chunk):
            if self._string is None:
                position, wrong = self._outside(chunk, position)
                if wrong:
                    return wrong
            else:
                position = self._inside(chunk, position, self._string)
            if len(self.frame) > FRAME:
                return f"more than {FRAME} bytes beside its pictures"
        self._offset += len(chunk)
        return ""

    def _outside(self, chunk: bytes, position: int) -> tuple[int, str]:
        quote = chunk.find(b'"', position)
        segment = chunk[position : quote if quote >= 0 else len(chunk)]
        if not self.frame and (first := segment.lstrip(b" \t\r\n\xef\xbb\xbf")[:1]) not in (b"{", b"[", b""):
            return position, f"not JSON: it begins with {first!r}"
        for match in _BRACKET.finditer(segment):
            self._depth += 1 if match[0] in b"[{" else -1
            if self._depth > DEPTH:
                return position, f"nested deeper than {DEPTH}"
        self.frame += segment if self.frame else segment.lstrip(b" \t\r\n\xef\xbb\xbf")
        if quote < 0:
            return len(chunk), ""
        if not self.frame:
            return position, "not JSON: it begins with a string"
        self._string, self._start, self._escaped = bytearray(), self._offset + quote + 1, False
        return quote + 1, ""

    def _inside(self, chunk: bytes, position: int, held: bytearray) -> int:
        first = position
        if self._after_backslash:
            position, self._after_backslash = position + 1, False
        end = _end_of_string(chunk, position)
        if end < len(chunk) and chunk[end] == 0x5C:  # the escape continues in the next chunk
            self._after_backslash = True
            end += 1
        self._escaped = self._escaped or chunk.find(b"\\", first, end) >= 0
        if len(held) <= LONG:
            held += chunk[first : min(end, first + LONG + 1)]
        if end >= len(chunk):
            return len(chunk)
        self._string = None
        if len(held) <= LONG:
            self.frame += b'"' + held + b'"'
        else:
            self.frame += json.dumps(f"{_MARK}{len(self.spans)}").encode("ascii")
            self.spans.append(Span(self._start, self._offset + end, self._escaped))
        return end + 1


class NotBase64Error(ValueError):
    """The text is not base64."""


_SPACE = b" \t\r\n\f\v"
_TO_STANDARD = bytes.maketrans(b"-_", b"+/")


def decoded(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Decode base64 in pieces, as browsers do: line breaks, the URL alphabet and missing padding are no errors, and a
    `data:` prefix is skipped, whatever media type it names. Raises NotBase64Error."""
    rest, padded, first = b"", False, True
    for chunk in chunks:
        text = chunk
        if first:
            text = text.lstrip(_SPACE)
            first = not text
            if text[:5].lower() == b"data:":
                text = _after_data_prefix(text)
        text = rest + text.translate(_TO_STANDARD, _SPACE)
        whole = len(text) - len(text) % 4
        piece, rest = text[:whole], text[whole:]
        if padded and (piece or rest):
            raise NotBase64Error("base64 goes on after its end")
        padded = piece.endswith(b"=")
        yield _strict(piece)
    if len(rest.rstrip(b"=")) == 1:
        raise NotBase64Error("base64 is cut short")
    yield _strict(rest.rstrip(b"=") + b"=" * (-len(rest.rstrip(b"=")) % 4))


def _after_data_prefix(text: bytes) -> bytes:
    head, comma, data = text.partition(b",")
    if not comma or not head.rstrip().lower().endswith(b";base64"):
        raise NotBase64Error("a data: URL that is not base64")
    return data


def _strict(piece: bytes) -> bytes:
    try:
        return pybase64.b64decode(piece, validate=True)
    except binascii.Error as error:
        raise NotBase64Error("not base64") from error


def span_chunks(stream: IO[bytes], span: Span) -> Iterator[bytes]:
    """The text of a long string, in pieces."""
    stream.seek(span.start)
    left, rest = span.end - span.start, b""
    while left and (chunk := stream.read(min(SCAN_CHUNK, left))):
        left -= len(chunk)
        if not span.escaped:
            yield chunk
            continue
        text = rest + chunk
        cut = _safe_cut(text) if left else len(text)
        rest = text[cut:]
        yield _unescaped(text[:cut])


def _safe_cut(text: bytes) -> int:
    r"""The last position at which the text can be cut without splitting an escape (`\/` or `\u003d`)."""
    tail = text.rfind(b"\\", max(0, len(text) - 5))
    if tail < 0:
        return len(text)
    while tail > 0 and text[tail - 1] == 0x5C:
        tail -= 1
    return tail


def _unescaped(text: bytes) -> bytes:
    try:
        value = json.loads(b'"' + text + b'"')
        return str(value).encode("ascii")
    except ValueError as error:
        raise NotBase64Error("not base64") from error
