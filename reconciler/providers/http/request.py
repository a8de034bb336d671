"""HTTP requests as values, without the key: literal bytes between files that are read while the request is sent."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TypeAlias

from reconciler.core.digest import ContentHash, Json
from reconciler.core.value import field, value

READ_BYTES = 3 * 64 * 1024
"""Bytes that are read from a file at a time; divisible by three, so that base64 pieces can be joined."""


@value
class Attachment:
    """An image that is sent, as found when the request was prepared. `size` in bytes.

    `checksums` are the SHA-256 of each `READ_BYTES` of it, taken in the same read as `content`: each piece is compared
    before it is sent, so no byte leaves this machine but those that were hashed.
    """

    path: Path
    content: ContentHash
    size: int
    format: str
    checksums: tuple[bytes, ...]

    @property
    def mime(self) -> str:
        return f"image/{self.format}"


@value
class RawFile:
    """The bytes of an image, unencoded."""

    file: Attachment

    @property
    def length(self) -> int:
        return self.file.size


@value
class Base64File:
    """The bytes of an image as base64. In JSON it is a string that begins with `prefix`."""

    file: Attachment
    prefix: str = ""

    @property
    def length(self) -> int:
        return (self.file.size + 2) // 3 * 4


Piece = bytes | RawFile | Base64File
RequestJson: TypeAlias = (
    "bool | int | float | str | Base64File | Sequence[RequestJson] | Mapping[str, RequestJson] | None"
)
"""JSON in which a Base64File takes the place of a string."""


@value
class WireRequest:
    """One HTTP request. `headers` lack the key and the length. `asked` is the size in pixels that it requests, if any.

    `json` is the body of a JSON request before it was encoded.
    """

    method: str
    url: str
    headers: tuple[tuple[str, str], ...] = ()
    pieces: tuple[Piece, ...] = ()
    asked: tuple[int, int] | None = None
    json: Mapping[str, RequestJson] = field(default_factory=dict, compare=False)

    @property
    def length(self) -> int:
        """Bytes of the body."""
        return sum(len(piece) if isinstance(piece, bytes) else piece.length for piece in self.pieces)


def data_uri(file: Attachment) -> Base64File:
    """An image as a `data:` URL."""
    return Base64File(file, f"data:{file.mime};base64,")


def json_request(url: str, body: Mapping[str, RequestJson], *, asked: tuple[int, int] | None = None) -> WireRequest:
    """A POST of JSON."""
    headers = (("Content-Type", "application/json"),)
    return WireRequest("POST", url, headers, json_pieces(body), asked, body)


def json_pieces(body: Mapping[str, RequestJson]) -> tuple[Piece, ...]:
    """JSON on one line, with its images as pieces of their own."""
    return _joined(_json_pieces(body))


def _json_pieces(value: RequestJson) -> Iterator[Piece]:
    if isinstance(value, Base64File):
        yield b'"' + value.prefix.encode("ascii")
        yield Base64File(value.file)
        yield b'"'
    elif isinstance(value, Mapping):
        yield b"{"
        for index, (name, item) in enumerate(value.items()):
            yield (b"," if index else b"") + _plain(name) + b":"
            yield from _json_pieces(item)
        yield b"}"
    elif isinstance(value, Sequence) and not isinstance(value, str):
        yield b"["
        for index, item in enumerate(value):
            yield b"," if index else b""
            yield from _json_pieces(item)
        yield b"]"
    else:
        yield _plain(value)


def _plain(value: float | str | None) -> bytes:
    return json.dumps(value, ensure_ascii=False, allow_nan=False).encode("utf-8", "replace")


@value
class Part:
    """One part of a form: text, or an image with the file name that the server sees."""

    name: str
    value: str | Attachment
    filename: str = ""


def form_request(
    url: str, parts: Sequence[Part], *, boundary: str, asked: tuple[int, int] | None = None
) -> WireRequest:
    """A POST of multipart/form-data. The boundary must not occur in any part."""
    headers = (("Content-Type", f"multipart/form-data; boundary={boundary}"),)
    pieces = [piece for part in parts for piece in _part_pieces(part, boundary)]
    return WireRequest("POST", url, headers, _joined(iter((*pieces, f"--{boundary}--\r\n".encode("ascii")))), asked)


def _part_pieces(part: Part, boundary: str) -> tuple[Piece, ...]:
    name = part.name.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")
    head = f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"'
    if isinstance(part.value, str):
        return ((f"{head}\r\n\r\n{part.value}\r\n").encode("utf-8", "replace"),)
    head += f'; filename="{part.filename}"\r\nContent-Type: {part.value.mime}\r\n\r\n'
    return (head.encode("utf-8"), RawFile(part.value), b"\r\n")


def _joined(pieces: Iterator[Piece]) -> tuple[Piece, ...]:
    """The same body, with adjacent bytes joined."""
    joined: list[Piece] = []
    for piece in pieces:
        if isinstance(piece, bytes) and joined and isinstance(joined[-1], bytes):
            joined[-1] += piece
        else:
            joined.append(piece)
    return tuple(joined)


def form_value(value: Json) -> str:
    """A parameter as the value of a form field: strings as they are, everything else as JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
