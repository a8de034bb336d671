"""HTTP/1.1 on asyncio streams: a request with its raw bytes, a response that can be cut, slowed or reset anywhere."""

from __future__ import annotations

import asyncio
import re
import socket
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from email.utils import formatdate
from urllib.parse import urlsplit

MAX_HEAD = 1 << 20
REASONS = {200: "OK", 307: "Temporary Redirect", 400: "Bad Request", 404: "Not Found", 429: "Too Many Requests"}


class Unreadable(Exception):
    """The client sent something other than HTTP, such as a TLS hello: this is no request."""


@dataclass(frozen=True, slots=True)
class Request:
    """One request. `complete` is False if the client closed the connection before its last byte."""

    method: str
    target: str
    headers: tuple[tuple[str, str], ...]
    head: bytes
    body: bytes
    complete: bool

    @property
    def path(self) -> str:
        return urlsplit(self.target).path

    def header(self, name: str) -> str:
        """The first value of a header, or an empty string."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), "")


@dataclass(frozen=True, slots=True)
class FormPart:
    """One part of a multipart body."""

    name: str
    filename: str
    content_type: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Response:
    """A response before any fault of the transport. The body is the chunks, one after the other."""

    status: int
    headers: tuple[tuple[str, str], ...]
    chunks: Sequence[bytes | memoryview]
    images: tuple[str, ...] = ()
    """SHA-256 of each image in it, in order."""

    @property
    def size(self) -> int:
        return sum(len(chunk) for chunk in self.chunks)

    @property
    def body(self) -> bytes:
        return b"".join(self.chunks)


async def read_request(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Request | None:
    """The next request of a connection, or None if the client closed it."""
    first = await reader.read(1)
    if first and not first.isalpha():  # a TLS hello has no end that one could wait for
        writer.write(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n")
        raise Unreadable(repr(first))
    try:
        head = first + await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError as error:
        if first:
            raise Unreadable(repr(error.partial[:16])) from error
        return None
    except asyncio.LimitOverrunError as error:
        raise Unreadable("no end of the headers") from error
    method, target, headers = _parse_head(head)
    fields = {name.lower(): value for name, value in headers}
    if fields.get("expect", "").lower() == "100-continue":
        writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    try:
        body = await _read_body(reader, fields)
    except (asyncio.IncompleteReadError, ConnectionError) as error:
        partial = error.partial if isinstance(error, asyncio.IncompleteReadError) else b""
        return Request(method, target, headers, head, partial, complete=False)
    return Request(method, target, headers, head, body, complete=True)


def _parse_head(head: bytes) -> tuple[str, str, tuple[tuple[str, str], ...]]:
    first, *lines = head[:-4].decode("latin-1").split("\r\n")
    words = first.split(" ")
    if len(words) != 3 or not words[2].startswith("HTTP/1."):
        raise Unreadable(first[:32])
    headers = tuple((name, value.strip()) for name, _, value in (line.partition(":") for line in lines))
    return words[0], words[1], headers


async def _read_body(reader: asyncio.StreamReader, fields: dict[str, str]) -> bytes:
    if "chunked" in fields.get("transfer-encoding", "").lower():
        body = bytearray()
        while size := int((await reader.readline()).split(b";")[0] or b"0", 16):
            body += (await reader.readexactly(size + 2))[:-2]
        await reader.readuntil(b"\r\n")
        return bytes(body)
    length = int(fields.get("content-length") or 0)
    return await reader.readexactly(length) if length else b""


def multipart(body: bytes, content_type: str) -> tuple[FormPart, ...]:
    """The parts of a multipart/form-data body, in order. Broken framing gives fewer parts, never an error."""
    found = re.search(r'boundary="?([^";]+)', content_type)
    if not found:
        return ()
    pieces = (b"\r\n" + body).split(b"\r\n--" + found.group(1).encode())
    return tuple(_part(piece[2:]) for piece in pieces[1:] if not piece.startswith(b"--"))


def _part(piece: bytes) -> FormPart:
    head, _, data = piece.partition(b"\r\n\r\n")
    text = head.decode("utf-8", "replace")

    def field(pattern: str) -> str:
        found = re.search(pattern, text, re.IGNORECASE)
        return found.group(1) if found else ""

    kind = field(r"content-type:\s*(\S+)")
    return FormPart(field(r'[; ]name="([^"]*)"'), field(r'filename="([^"]*)"'), kind, data)


def head(response: Response, *, length: int | None = None, extra: tuple[tuple[str, str], ...] = ()) -> bytes:
    """Status line and headers, with the true length unless another one is given (-1: no length)."""
    declared = response.size if length is None else length
    framing = () if declared < 0 else (("Content-Length", str(declared)),)
    dated = () if any(name == "Date" for name, _ in response.headers) else (("Date", formatdate(usegmt=True)),)
    lines = [f"HTTP/1.1 {response.status} {REASONS.get(response.status, 'Status')}"]
    lines += [f"{name}: {value}" for name, value in (*dated, *response.headers, *framing, *extra)]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


class Pipe:
    """The sending half of one connection. Counts the bytes that the kernel took, and detects a closed connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self.sent = 0
        self.client_left = False
        """The client closed the connection before the last byte was sent."""
        self.finished = False
        """Nothing more can be sent on this connection."""
        writer.transport.set_write_buffer_limits(0)  # drain() returns only when the kernel has every byte

    @property
    def disconnected(self) -> bool:
        return self._reader.at_eof() or self._reader.exception() is not None or self._writer.is_closing()

    async def send(self, *chunks: bytes | memoryview) -> None:
        """Hand the bytes to the kernel; sets `client_left` instead of failing."""
        if self.client_left or self.disconnected:
            self.client_left = True
            return
        try:
            self._writer.writelines(chunks)
            await self._writer.drain()
        except ConnectionError:
            self.client_left = True
            return
        self.sent += sum(len(chunk) for chunk in chunks)

    async def wait_for_disconnect(self) -> None:
        """Return when the client has closed the connection."""
        try:
            while await self._reader.read(1 << 16):
                pass
        except ConnectionError:
            pass
        self.client_left = True

    def reset(self) -> None:
        """RST: bytes in transit may be lost."""
        sock = self._writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._writer.transport.abort()
        self.finished = True

    def close(self) -> None:
        """FIN, even if the declared length is not reached."""
        self.finished = True
