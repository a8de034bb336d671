"""A proxy before a server of a bucket that loses, cuts, delays and refuses answers."""

from __future__ import annotations

import http.client
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

PASS, LOSE, DROP, STALL, BUSY, HALF = "pass", "lose", "drop", "stall", "busy", "half"
"""Answer; answer after the connection has gone; never ask; wait; 503 without asking; half of the body."""
_HOP = {"connection", "transfer-encoding", "keep-alive"}


@dataclass
class Proxy:
    """`decide` says what happens to the request with this method, name and number."""

    upstream: int
    port: int = 0
    decide: Callable[[str, str, int], str] = lambda method, name, number: PASS
    stalls: float = 5.0
    done: list[tuple[str, str, str]] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def next(self, method: str, name: str) -> str:
        with self.lock:
            fault = self.decide(method, name, len(self.done))
            self.done.append((fault, method, name))
            return fault


class _Relay(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    proxy: Proxy

    def relay(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        fault = self.proxy.next(self.command, self.path.partition("?")[0])
        if fault == DROP:
            return self.hang_up()
        if fault == BUSY:
            return self.answer(503, [], b"")
        if fault == STALL:
            time.sleep(self.proxy.stalls)
        upstream = http.client.HTTPConnection("127.0.0.1", self.proxy.upstream, timeout=60)
        upstream.request(self.command, self.path, body, dict(self.headers.items()))
        answer = upstream.getresponse()
        data = answer.read()
        upstream.close()
        if fault == LOSE:
            return self.hang_up()
        return self.answer(answer.status, answer.getheaders(), data, half=fault == HALF)

    do_GET = do_PUT = do_HEAD = do_DELETE = do_POST = relay

    def answer(self, status: int, headers: list[tuple[str, str]], data: bytes, *, half: bool = False) -> None:
        self.send_response_only(status)
        for name, text in headers:
            if name.lower() not in _HOP:
                self.send_header(name, text)
        if not any(name.lower() == "content-length" for name, _ in headers):
            self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data[: len(data) // 2] if half else data)
        if half:
            self.hang_up()

    def hang_up(self) -> None:
        self.close_connection = True
        with suppress(OSError):
            self.wfile.flush()
            self.connection.close()

    def log_request(self, code: object = "-", size: object = "-") -> None:
        pass


class _Quiet(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that went away is no news."""


@contextmanager
def proxied(upstream: int, **given: Any) -> Iterator[Proxy]:
    proxy = Proxy(upstream, **given)
    with _Quiet(("127.0.0.1", 0), type("BoundRelay", (_Relay,), {"proxy": proxy})) as server:
        proxy.port = server.server_address[1]
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        try:
            yield proxy
        finally:
            server.shutdown()
