"""Read an event stream as the JSON array of its events. Some servers stream although nothing asked them to.

Source: the HTML standard, "Server-sent events"; the data of each event is one JSON value.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import IO

from reconciler.providers.responses.json_stream import SCAN_CHUNK

_FIELDS = (b"data:", b"event:", b"id:", b"retry:", b":")
_LONGEST = max(map(len, _FIELDS))


def begins_as_event_stream(head: bytes) -> bool:
    """Whether a body that begins so is an event stream."""
    return head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(_FIELDS)


def events_as_json(stream: IO[bytes]) -> Iterator[bytes]:
    """The text of a JSON array of the events, in pieces. A line may be as long as its image."""
    yield b"["
    some, inside = False, False
    for line in _lines(stream):
        first = next(line, b"")
        data = first.removeprefix(b"data:").lstrip(b" ") if first.startswith(b"data:") else b""
        if not first.strip():
            inside = False  # an empty line ends an event
        elif data and not data.startswith(b"[DONE]"):
            yield (b"\n" if inside else b"," if some else b"") + data
            yield from line
            some = inside = True
        for _ in line:
            pass
    yield b"]"


def _lines(stream: IO[bytes]) -> Iterator[Iterator[bytes]]:
    """The lines, each in pieces, of which the first has the name of its field. The caller exhausts each line."""
    rest = stream.read(SCAN_CHUNK).lstrip(b"\xef\xbb\xbf \t\r\n")

    def line() -> Iterator[bytes]:
        nonlocal rest
        while b"\n" not in rest:
            more = stream.read(SCAN_CHUNK)
            if not more:
                held, rest = rest, b""
                yield held.rstrip(b"\r")
                return
            if len(rest) > _LONGEST:
                held, rest = rest, b""
                yield held
            rest += more
        held, _, rest = rest.partition(b"\n")
        yield held.rstrip(b"\r")

    while rest or (rest := stream.read(SCAN_CHUNK)):
        yield line()
