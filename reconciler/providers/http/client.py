"""Carry one request and one answer over one connection, and know whether any byte of the request was written.

The only user of httpx. HTTP/1.1, a fresh connection for each request, no redirects, no retries, no decoding: the
answer's bytes go to a file as they come.
"""

from __future__ import annotations

import asyncio
import functools
import importlib.util
import socket
import ssl
import sys
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpcore
import httpx

from reconciler import __version__
from reconciler.core.errors import DiskError, Unsent
from reconciler.core.outcome import InDoubt, NotSent
from reconciler.core.ports import Spool
from reconciler.core.specs.settings import ProviderSettings, Timeouts
from reconciler.core.value import value
from reconciler.providers.http.origins import Base, WebOrigin, parse_base
from reconciler.providers.http.public_address import public_address
from reconciler.providers.http.request import WireRequest
from reconciler.providers.http.spool_file import PictureChangedError, SpoolFile, stream

if importlib.util.find_spec("sniffio") is None:
    # httpcore looks for it eight times a request, and each time that it is not there the whole path is searched
    sys.modules["sniffio"] = None  # type: ignore[assignment]  # documented: it makes an import fail at once

httpcore.AsyncHTTP11Connection.READ_NUM_BYTES = 256 * 1024
# It reads 64 KiB at a time; each piece costs 0.1 ms of Python on the event loop, and a picture is a megabyte.

Resolve = Callable[[str, int], Awaitable[tuple[str, ...]]]
"""The addresses of a host and port."""


@value
class HttpAnswer:
    """An answer whose body is in a file as it was sent. `whole` is false where it was left at the limit."""

    status: int
    headers: Mapping[str, str]
    path: Path
    size: int
    whole: bool


@value
class FetchFailed:
    """Why a picture could not be fetched from where it lies."""

    why: str


async def resolve(host: str, port: int) -> tuple[str, ...]:
    """What the system's resolver says."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return tuple(str(entry[4][0]) for entry in found)


class _Flight:
    """How far one exchange has come."""

    def __init__(self, timeouts: Timeouts) -> None:
        self._timeouts = timeouts
        self.sent = False
        self.received = 0
        self.status = 0
        self.head = asyncio.timeout(None)
        self._line: Any = None

    async def trace(self, event: str, info: Mapping[str, Any]) -> None:
        """httpcore tells each step before it is taken; a CONNECT to a proxy is not the request."""
        if event == "http11.send_request_headers.started" and info["request"].method != b"CONNECT":
            self.sent = True
        elif event == "http11.receive_response_headers.started" and self.sent:
            self.head.reschedule(asyncio.get_running_loop().time() + self._timeouts.first_byte)
        elif event == "connection.connect_tcp.complete":
            self._line = info["return_value"]

    async def hang_up(self) -> None:
        """httpcore loses the connection when it is cancelled during a TLS handshake."""
        if self._line is not None:
            await self._line.aclose()

    def lost(self, error: Exception) -> NotSent | InDoubt:
        """What an exchange that broke means: before the first byte nothing happened, after it nobody knows."""
        if not self.sent:
            certificate = _certificate_error(error)
            return NotSent(f"{_kind(error)}{f': {certificate}' if certificate else ''}", final=bool(certificate))
        if self.status:
            return InDoubt(f"{_kind(error)} after {self.received} bytes of the answer ({self.status})")
        return InDoubt(f"{_kind(error)}, no answer came")


class Http:
    """One provider's way to the network. Holds no connection between requests."""

    def __init__(
        self,
        settings: ProviderSettings,
        *,
        resolve: Resolve = resolve,
        choose: Callable[[tuple[str, ...]], str] = public_address,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        """`choose` gives the one of a foreign name's addresses to connect to, or ""; `tls` says whom to trust."""
        self._timeouts = settings.timeouts
        self._limit = settings.body_limit
        self._trust_env = settings.trust_env
        self._resolve = resolve
        self._choose = choose
        self._trusted = tls

    async def send(
        self, request: WireRequest, *, secret: tuple[str, str] | None, spool: Spool
    ) -> HttpAnswer | NotSent | InDoubt:
        """Send a request, with the key in the header that `secret` names, and take the answer.

        Unsent if there is no file for the answer: then nothing is asked for.
        """
        headers = dict(request.headers)
        if request.pieces:
            headers["Content-Length"] = str(request.length)
        if secret is not None:
            headers[secret[0]] = secret[1]
        try:
            file = SpoolFile(spool.open)
        except DiskError as error:
            raise Unsent(error.fact, hint=error.hint) from error
        return await self._exchange(request, request.url, headers=headers, file=file, extensions={})

    async def fetch(self, url: str, *, own: Base, spool: Spool) -> HttpAnswer | FetchFailed:
        """Get a picture, without the key: from the provider's own origin, or from a public address by https."""
        try:
            target = urlsplit(url)
        except ValueError:
            return FetchFailed("its address is none")
        base = parse_base(f"{target.scheme}://{target.netloc}")
        if not isinstance(base, Base):
            return FetchFailed("its address is not one that pictures are fetched from")
        extensions: dict[str, Any] = {}
        headers = {"Host": str(base.origin).partition("://")[2]}
        if base.origin != own.origin:
            pinned = await self._pinned(base.origin)
            if isinstance(pinned, FetchFailed):
                return pinned
            extensions["sni_hostname"] = base.origin.host
            base = Base(WebOrigin(base.origin.scheme, pinned, base.origin.port))
        path = (target.path or "/") + (f"?{target.query}" if target.query else "")
        got = await self._exchange(
            WireRequest("GET", ""),
            f"{base.origin}{path}",
            headers=headers,
            file=SpoolFile(spool.open_paid),
            extensions=extensions,
        )
        return got if isinstance(got, HttpAnswer) else FetchFailed(got.message)

    async def _pinned(self, origin: WebOrigin) -> str | FetchFailed:
        """The checked address of a foreign origin: what was checked is what is connected to."""
        if origin.scheme != "https":
            return FetchFailed(f"{origin} is not the provider's own origin and not https")
        try:
            async with asyncio.timeout(self._timeouts.connect):
                found = await self._resolve(origin.host, origin.port)
        except (OSError, UnicodeError) as error:  # TimeoutError is one; a label may be too long for the codec of names
            return FetchFailed(f"{origin.host}: {_kind(error)}")
        return self._choose(found) or FetchFailed(f"{origin.host} is not on the public internet")

    async def _exchange(
        self,
        request: WireRequest,
        url: str,
        *,
        headers: Mapping[str, str],
        file: SpoolFile,
        extensions: dict[str, Any],
    ) -> HttpAnswer | NotSent | InDoubt:
        flight = _Flight(self._timeouts)
        try:
            with file:
                async with asyncio.timeout(self._timeouts.total), AsyncExitStack() as stack:
                    stack.push_async_callback(flight.hang_up)
                    client = await stack.enter_async_context(self._client(secure=url.startswith("https:")))
                    message = client.build_request(
                        request.method,
                        url,
                        headers={"Accept-Encoding": "identity", "Connection": "close", **headers},
                        content=stream(request.pieces) if request.pieces else None,
                        extensions={**extensions, "trace": flight.trace},
                    )
                    async with flight.head:
                        response = await client.send(message, stream=True)
                    stack.push_async_callback(response.aclose)
                    flight.status = response.status_code
                    await self._take(response, flight, file)
                    file.whole = True  # from here on no hurry may lose it
            headers = {name.lower(): value for name, value in response.headers.items()}
            return HttpAnswer(response.status_code, headers, file.path, file.size, file.size <= self._limit)
        except _BROKEN as error:
            return flight.lost(error)

    async def _take(self, response: httpx.Response, flight: _Flight, file: SpoolFile) -> None:
        """The body, as it comes, into a file of ours."""
        chunks = response.aiter_raw()
        while file.size <= self._limit:
            async with asyncio.timeout(self._timeouts.idle):
                chunk = await anext(chunks, b"")
            if not chunk:
                return
            file.write(chunk)
            flight.received = file.size

    def _client(self, *, secure: bool) -> httpx.AsyncClient:
        """A client for one request: nothing that it learns outlives it."""
        limits = self._timeouts
        needed = secure or self._trust_env  # a proxy may speak TLS where we do not
        return httpx.AsyncClient(
            verify=(self._trusted or _tls(self._trust_env)) if needed else _no_tls(),
            trust_env=self._trust_env,
            follow_redirects=False,
            timeout=httpx.Timeout(None, connect=limits.connect, write=limits.write),
            headers={"User-Agent": f"reconciler/{__version__}", "Accept": "application/json, image/*"},
        )


@functools.cache
def _tls(trust_env: bool) -> ssl.SSLContext:
    return httpx.create_ssl_context(trust_env=trust_env)


@functools.cache
def _no_tls() -> ssl.SSLContext:
    """For plain http: reading the certificate bundle would be the dearest part of the call."""
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


_BROKEN = (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, TimeoutError, OSError, PictureChangedError)
_KINDS: tuple[tuple[type[Exception], str], ...] = (
    (httpx.ConnectTimeout, "connecting took too long"),
    (httpx.WriteTimeout, "the request could not be written in time"),
    (httpx.ProxyError, "the proxy refused"),
    (httpx.ConnectError, "cannot connect"),
    (httpx.RemoteProtocolError, "the connection was closed, or spoke no HTTP"),
    (httpx.NetworkError, "the connection broke"),
    (httpx.InvalidURL, "the address cannot be used"),
    (TimeoutError, "the time was up"),
    (PictureChangedError, "a reference changed while it was sent"),
    (OSError, "the network failed"),
    (UnicodeError, "no name of a host"),
)


def _kind(error: Exception) -> str:
    """In words of ours: the libraries' own may quote headers."""
    return next((message for kind, message in _KINDS if isinstance(error, kind)), "the exchange failed")


def _certificate_error(error: BaseException | None) -> str:
    """What is wrong with the server's certificate, if that was the cause."""
    while error is not None:
        if isinstance(error, ssl.SSLCertVerificationError):
            return error.verify_message
        error = error.__cause__ or error.__context__
    return ""
