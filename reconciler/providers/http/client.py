"""Send one HTTP request over a connection of its own, and track whether any byte of it was written.

The only module that imports httpx. HTTP/1.1; no redirects, no retries, no content decoding. The response body is
written to a file as it arrives.
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
from reconciler.providers.http.origins import Base, WebOrigin, is_local, parse_base
from reconciler.providers.http.part_file import PartFile
from reconciler.providers.http.public_address import public_address
from reconciler.providers.http.request import WireRequest
from reconciler.providers.http.spool_file import PictureChangedError, SpoolFile, stream
from reconciler.providers.http.unreachable import causes, unreachable_because

if importlib.util.find_spec("sniffio") is None:
    # httpcore imports it eight times a request; a missing module costs a search of the whole import path each time
    sys.modules["sniffio"] = None  # type: ignore[assignment]  # documented: it makes an import fail at once

httpcore.AsyncHTTP11Connection.READ_NUM_BYTES = 256 * 1024
# The default is 64 KiB. Each read costs 0.1 ms of Python on the event loop, and an image has about a megabyte.

Resolve = Callable[[str, int], Awaitable[tuple[str, ...]]]
"""Resolves a host and a port to IP addresses."""


@value
class HttpAnswer:
    """A response; its body is in a file, as sent. `size` in bytes. `whole`: the body ended before the size limit."""

    status: int
    headers: Mapping[str, str]
    path: Path
    size: int
    whole: bool


@value
class FetchFailed:
    """The reason that an image could not be downloaded from its URL."""

    why: str


async def resolve(host: str, port: int) -> tuple[str, ...]:
    """Resolve with the resolver of the system. Raises OSError, and UnicodeError for a label that IDNA cannot encode."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return tuple(str(entry[4][0]) for entry in found)


class _Flight:
    """The progress of one exchange: whether the request was sent, and how much of the response has arrived."""

    def __init__(self, timeouts: Timeouts) -> None:
        self._timeouts = timeouts
        self.sent = False
        self.received = 0
        self.status = 0
        self.head = asyncio.timeout(None)
        self._line: Any = None

    async def trace(self, event: str, info: Mapping[str, Any]) -> None:
        """Called by httpcore before and after each step. A CONNECT to a proxy is not the request."""
        if event == "http11.send_request_headers.started" and info["request"].method != b"CONNECT":
            self.sent = True
        elif event == "http11.receive_response_headers.started" and self.sent:
            self.head.reschedule(asyncio.get_running_loop().time() + self._timeouts.first_byte)
        elif event == "connection.connect_tcp.complete":
            self._line = info["return_value"]

    async def hang_up(self) -> None:
        """Close the TCP connection: httpcore leaks it if it is cancelled during a TLS handshake."""
        if self._line is not None:
            await self._line.aclose()

    def lost(self, error: Exception) -> NotSent | InDoubt:
        """The outcome of a failed exchange: NotSent before the first byte of the request, InDoubt after it."""
        if not self.sent:
            why = _certificate_error(error)
            final = bool(why)
            if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout) and not final:
                why = unreachable_because(error, resolver_error=socket.gaierror)
                return NotSent(f"{_kind(error)}{f': {why}' if why else ''}", unreachable=True)
            return NotSent(f"{_kind(error)}{f': {why}' if why else ''}", final=final)
        if self.status:
            return InDoubt(f"{_kind(error)} after {self.received} bytes of the answer ({self.status})")
        return InDoubt(f"{_kind(error)}, no response received")


class Http:
    """The HTTP client of one provider. Keeps no connection between requests."""

    def __init__(
        self,
        settings: ProviderSettings,
        *,
        resolve: Resolve = resolve,
        choose: Callable[[tuple[str, ...]], str] = public_address,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        """`choose` picks the IP address of another origin to download from; "" is none. `tls` replaces the default."""
        self._timeouts = settings.timeouts
        self._limit = settings.body_limit
        self._trust_env = settings.trust_env
        self._resolve = resolve
        self._choose = choose
        self._trusted = tls

    async def send(
        self, request: WireRequest, *, secret: tuple[str, str] | None, spool: Spool
    ) -> HttpAnswer | NotSent | InDoubt:
        """Send a request and receive the response. `secret` is the name and the value of the header with the key.

        Raises Unsent if no file can be opened for the response: nothing was sent then.
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

    async def resume(
        self, request: WireRequest, *, secret: tuple[str, str] | None, file: PartFile
    ) -> HttpAnswer | NotSent | InDoubt:
        """Download the rest of a file to its end. The bytes that have come stay in it, whatever happens."""
        headers = dict(request.headers)
        if secret is not None:
            headers[secret[0]] = secret[1]
        if file.had:
            headers["Range"] = f"bytes={file.had}-"
        return await self._exchange(request, request.url, headers=headers, file=file, extensions={})

    async def fetch(self, url: str, *, own: Base, spool: Spool) -> HttpAnswer | FetchFailed:
        """Download an image, without the key: from the provider's own origin, or by https from a public IP address."""
        try:
            target = urlsplit(url)
        except ValueError:
            return FetchFailed("its URL is not valid")
        base = parse_base(f"{target.scheme}://{target.netloc}")
        if not isinstance(base, Base) or (base.origin.unencrypted and base.origin != own.origin):
            return FetchFailed("its URL is not one that images are downloaded from")
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
        """The checked IP address of another origin. The connection is made to it, so the name is resolved only once."""
        if origin.scheme != "https":
            return FetchFailed(f"{origin} is not the provider's own origin and not https")
        try:
            async with asyncio.timeout(self._timeouts.connect):
                found = await self._resolve(origin.host, origin.port)
        except (OSError, UnicodeError) as error:  # OSError includes TimeoutError; a label may be too long for IDNA
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
                    client = await stack.enter_async_context(self._client(url))
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
                    headers = {name.lower(): value for name, value in response.headers.items()}
                    file.begin(response.status_code, headers)
                    await self._take(response, flight, file)
                    file.whole = True  # from here on a cancellation may not delete it
            return HttpAnswer(response.status_code, headers, file.path, file.size, file.size <= self._limit)
        except _BROKEN as error:
            return flight.lost(error)

    async def _take(self, response: httpx.Response, flight: _Flight, file: SpoolFile) -> None:
        """Write the body to the file as it arrives, up to the size limit."""
        chunks = response.aiter_raw()
        while file.size <= self._limit:
            async with asyncio.timeout(self._timeouts.idle):
                chunk = await anext(chunks, b"")
            if not chunk:
                return
            file.write(chunk)
            flight.received = file.size

    def _client(self, url: str) -> httpx.AsyncClient:
        """A client for one request: no cookie and no connection is kept. No proxy is used to reach this machine."""
        limits = self._timeouts
        proxied = self._trust_env and not is_local(urlsplit(url).hostname or "")
        needed = proxied or url.startswith("https:")  # the proxy may need TLS though the request does not
        return httpx.AsyncClient(
            verify=(self._trusted or _tls(self._trust_env)) if needed else _no_tls(),
            trust_env=proxied,
            follow_redirects=False,
            timeout=httpx.Timeout(None, connect=limits.connect, write=limits.write),
            headers={"User-Agent": f"reconciler/{__version__}", "Accept": "application/json, image/*"},
        )


@functools.cache
def _tls(trust_env: bool) -> ssl.SSLContext:
    return httpx.create_ssl_context(trust_env=trust_env)


@functools.cache
def _no_tls() -> ssl.SSLContext:
    """For plain http: reading the certificate bundle would be the most expensive part of the call."""
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


_BROKEN = (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, TimeoutError, OSError, PictureChangedError)
_KINDS: tuple[tuple[type[Exception], str], ...] = (
    (httpx.ConnectTimeout, "connecting took too long"),
    (httpx.WriteTimeout, "the request could not be written in time"),
    (httpx.ProxyError, "the proxy refused"),
    (httpx.ConnectError, "cannot connect"),
    (httpx.RemoteProtocolError, "the connection was closed, or the server does not speak HTTP"),
    (httpx.NetworkError, "the connection broke"),
    (httpx.InvalidURL, "the URL is not valid"),
    (TimeoutError, "timed out"),
    (PictureChangedError, "a reference changed while it was sent"),
    (OSError, "the network failed"),
    (UnicodeError, "not a valid host name"),
)


def _kind(error: Exception) -> str:
    """A message of this package: those of the libraries may quote headers."""
    return next((message for kind, message in _KINDS if isinstance(error, kind)), "the exchange failed")


def _certificate_error(error: BaseException) -> str:
    """The error in the server's certificate, if that is the cause; else ""."""
    return next((each.verify_message for each in causes(error) if isinstance(each, ssl.SSLCertVerificationError)), "")
