"""Serve a review to browsers of this machine, until it is done: on 127.0.0.1, behind the guards of `guards.py`."""

from __future__ import annotations

import errno
import json
import os
import secrets
import shutil
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from reconciler.core.errors import ProjectError, ReconcilerError
from reconciler.core.json_text import json_text
from reconciler.core.text import printable
from reconciler.core.value import value
from reconciler.project.serve.guards import Admitted, Denied, Launched, ServedAt, ServerRequest, admit
from reconciler.project.serve.review import ReviewInProgress
from reconciler.store import disk

IDLE_SECONDS = 30 * 60
_HEADER_SECONDS = 30
"""Seconds that a connection may be silent."""
_MOST_CONNECTIONS = 64
_ALWAYS = {
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}
_FRESH = {"Cache-Control": "no-store"}
_KEPT = {"Cache-Control": "private, max-age=86400, immutable"}
"""Of an image: its address names its content."""


@value
class _Answer:
    """A response. `file` is sent after the headers in place of `body`."""

    status: int
    media: str
    body: bytes = b""
    file: Any = None
    headers: Mapping[str, str] = _FRESH


class ReviewServer(ThreadingHTTPServer):
    """The server of one review. ProjectError if the port cannot be used; port 0 is any free one."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 32

    def __init__(
        self, review: ReviewInProgress, *, port: int = 0, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        try:
            super().__init__(("127.0.0.1", port), _Handler)
        except OSError as error:
            reason = "is taken" if error.errno == errno.EADDRINUSE else f"cannot be used: {error.strerror}"
            raise ProjectError(
                f"port {port} {reason}", hint="pass another --port; without one, any is taken"
            ) from error
        self.review = review
        self.at = ServedAt(self.server_address[1], secrets.token_urlsafe(32), secrets.token_urlsafe(32))
        self.monotonic = monotonic
        self.last_request = monotonic()
        self._done = threading.Event()
        self._room = threading.BoundedSemaphore(_MOST_CONNECTIONS)

    def run(self, *, idle: float = IDLE_SECONDS, tick: float = 0.5) -> str:
        """Serve until the page says that it is done, or nobody has asked for `idle` seconds; the reason as text."""
        thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True)
        thread.start()
        try:
            while not self._done.wait(tick):
                if self.monotonic() - self.last_request >= idle:
                    return "nobody used the page"
            return "done"
        finally:
            self._done.set()
            self.shutdown()
            self.server_close()
            thread.join()

    def finish(self) -> None:
        """End `run`."""
        self._done.set()

    @property
    def ended(self) -> bool:
        """Whether nothing is answered any more, not even on a connection that is open."""
        return self._done.is_set()

    def take_launch(self) -> None:
        """The launch path has been used: it is valid once."""
        self.at = ServedAt(self.at.port, self.at.secret)

    def process_request(self, request: Any, client_address: Any) -> None:
        """A thread for each connection, up to a limit; further ones are closed."""
        if not self._room.acquire(blocking=False):
            self.shutdown_request(request)
            return
        try:
            super().process_request(request, client_address)
        except RuntimeError:  # no thread can be started
            self._room.release()
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Handle one connection in its thread."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._room.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A connection that broke concerns nobody."""


class _Handler(BaseHTTPRequestHandler):
    """One connection."""

    server: ReviewServer
    protocol_version = "HTTP/1.1"
    server_version = "reconciler"
    sys_version = ""
    timeout = _HEADER_SECONDS

    def handle_one_request(self) -> None:
        """One request of any method, guarded before anything else is looked at."""
        try:
            self.raw_requestline = self.rfile.readline(65537)
            whole = bool(self.raw_requestline) and len(self.raw_requestline) <= 65536
            if not whole or not self.parse_request() or self.server.ended:
                self.close_connection = True
                return
            self._send(self._answer())
            self.wfile.flush()
        except (TimeoutError, ConnectionError, BrokenPipeError):
            self.close_connection = True

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name is that of the base class
        """Nothing is logged: the addresses are secret."""

    def _answer(self) -> _Answer:
        found = admit(ServerRequest(self.command, self.path, _headers(self.headers)), self.server.at)
        if isinstance(found, Launched):
            address = f"/{self.server.at.secret}/"
            self.server.take_launch()
            return _Answer(303, "text/plain", headers={**_FRESH, "Location": address})
        if isinstance(found, Denied):
            self.close_connection = True  # its body, if it has one, is not read
            return _refusal(found)
        path, _, query = found.path.partition("?")
        if path != "changes":
            self.server.last_request = self.server.monotonic()
        if self.command == "POST":
            return self._posted(path, found)
        return self._got(path, query)

    def _got(self, path: str, query: str) -> _Answer:
        review = self.server.review
        if not path:
            try:
                page = review.page()
            except ReconcilerError as error:
                return _Answer(500, "text/plain; charset=utf-8", str(error).encode())
            return _Answer(200, "text/html; charset=utf-8", page, headers={**_FRESH, _POLICY: review.policy})
        folder, _, name = path.partition("/")
        if folder == "changes" and not name:
            since = query.removeprefix("since=")
            return _json(200, review.changes(int(since) if since.isascii() and since.isdigit() else 0))
        if folder == "preview":
            webp = review.preview(name)
            return _Answer(200, "image/webp", webp, headers=_KEPT) if webp is not None else _refusal(_NOTHING)
        image = review.image(name) if folder == "image" else None
        if image is None:
            return _refusal(_NOTHING)
        return _Answer(200, image[0], file=image[1], headers=_KEPT)

    def _posted(self, path: str, found: Admitted) -> _Answer:
        data = self.rfile.read(found.length)
        try:
            given = json.loads(data)
        except (ValueError, RecursionError):
            given = None
        if not isinstance(given, dict):
            return _refusal(Denied(400, "the body is no JSON object"))
        if path == "done":
            self.server.finish()
            return _json(200, {})
        result = self.server.review.decide(path, given)
        return _refusal(result) if isinstance(result, Denied) else _json(200, result)

    def _send(self, answer: _Answer) -> None:
        with ExitStack() as files:
            stream = None
            if answer.file is not None:
                try:
                    stream = files.enter_context(disk.open_for_reading(answer.file))
                except OSError:  # it is gone, or something else is in its place
                    answer = _refusal(_NOTHING)
            length = len(answer.body) if stream is None else os.fstat(stream.fileno()).st_size
            self.send_response(answer.status)
            for name, text in {**_ALWAYS, **answer.headers}.items():
                self.send_header(name, text)
            self.send_header("Content-Type", answer.media)
            self.send_header("Content-Length", str(length))
            if self.close_connection:
                self.send_header("Connection", "close")
            self.end_headers()
            if self.command == "HEAD":
                return
            self.wfile.write(answer.body)
            if stream is not None:
                shutil.copyfileobj(stream, self.wfile, 1 << 20)


_POLICY = "Content-Security-Policy"
_NOTHING = Denied(404, "there is nothing here")


def _headers(given: Message) -> dict[str, str]:
    """The headers by their names in lower case. One that is given twice is worth nothing."""
    found: dict[str, str] = {}
    for name, text in given.items():
        found[name.lower()] = text if name.lower() not in found else "\0"
    return found


def _json(status: int, given: Mapping[str, Any]) -> _Answer:
    return _Answer(status, "application/json", json_text(given).encode())


def _refusal(refused: Denied) -> _Answer:
    return _json(refused.status, {"fact": printable(refused.fact), "hint": printable(refused.hint)})
