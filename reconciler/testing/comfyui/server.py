"""A fake ComfyUI server on a free port of this machine."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from reconciler.testing.comfyui.routes import ROUTES, Exchange, RouteAnswer
from reconciler.testing.comfyui.state import ComfyJob, ComfyState


class FakeComfy:
    """A running server, as tests see it. `requests` are the method and the path of each request."""

    def __init__(self, state: ComfyState, port: int) -> None:
        self._state = state
        self.origin = f"http://127.0.0.1:{port}"
        self.requests: list[str] = []
        self.views: list[dict[str, list[str]]] = []
        """The queries of all requests for images."""
        self.lost: set[str] = set()
        self.answers: dict[str, RouteAnswer] = {}
        """What to answer instead, by the beginning of a path."""

    @property
    def jobs(self) -> list[ComfyJob]:
        """Every job that was queued, in order."""
        return self._state.jobs

    @property
    def uploads(self) -> list[tuple[str, bytes]]:
        """The name and the bytes of each upload."""
        return self._state.uploads

    @property
    def faults(self) -> list[str]:
        """What goes wrong with the next jobs, one each."""
        return self._state.faults

    def lose_replies(self, path: str) -> None:
        """Do what a request of this path says, and close the connection instead of an answer."""
        self.lost.add(path)

    def hold(self) -> None:
        """Jobs that begin from now on do not end."""
        self._state.held = True

    def release(self) -> None:
        """End the jobs that are held."""
        with self._state.lock:
            self._state.held = False
            self._state.lock.notify_all()

    def forget(self) -> None:
        """As a server that was started again: it knows no job."""
        with self._state.lock:
            self._state.jobs.clear()

    def wait_for_job(self, count: int = 1) -> None:
        """Until so many jobs were queued and the last one runs or has ended."""
        with self._state.lock:
            found = self._state.lock.wait_for(
                lambda: len(self.jobs) >= count and self.jobs[-1].state != "pending", timeout=30
            )
        if not found:
            raise TimeoutError(f"{len(self.jobs)} of {count} jobs were queued")


@contextmanager
def running_comfyui(*, old: bool = False) -> Iterator[FakeComfy]:
    """A server on a free port of this machine."""
    state = ComfyState()
    server = _Server(("127.0.0.1", 0), _Handler)
    comfy = server.comfy = FakeComfy(state, server.server_address[1])
    server.state, server.old = state, old
    threads = [
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True),
        threading.Thread(target=state.work, daemon=True),
    ]
    for thread in threads:
        thread.start()
    try:
        yield comfy
    finally:
        with state.lock:
            state.closed = True
            state.lock.notify_all()
        server.shutdown()
        server.server_close()
        for thread in threads:
            thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    comfy: FakeComfy
    state: ComfyState
    old: bool

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up is none."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name of the base class
        """Nothing is printed."""

    def do_GET(self) -> None:
        self._answer("GET", b"")

    def do_POST(self) -> None:
        self._answer("POST", self.rfile.read(int(self.headers.get("Content-Length", 0))))

    def _answer(self, method: str, body: bytes) -> None:
        server, target = self.server, urlsplit(self.path)
        server.comfy.requests.append(f"{method} {target.path}")
        if target.path == "/view":
            server.comfy.views.append(parse_qs(target.query))
        instead = next((each for start, each in server.comfy.answers.items() if target.path.startswith(start)), None)
        if instead is not None:
            self._send(instead)
            return
        jobs = target.path.startswith("/api/jobs")
        path = target.path if jobs else target.path.removeprefix("/api")
        first, _, rest = path.strip("/").partition("/")
        route = ROUTES.get(f"{method.lower()} {first}") if not (jobs and server.old) else None
        if route is None:
            self._send(RouteAnswer(404, b"404: Not Found", "text/plain"))
            return
        kind = self.headers.get("Content-Type", "")
        answer = route(Exchange(server.state, server.old, unquote(rest), parse_qs(target.query), body, kind))
        self._send(RouteAnswer(0) if target.path in server.comfy.lost else answer)

    def _send(self, answer: RouteAnswer) -> None:
        if not answer.status:
            self.close_connection = True
            self.connection.close()
            return
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.kind)
        self.send_header("Content-Length", str(len(answer.body)))
        if 300 <= answer.status < 400:
            self.send_header("Location", answer.body.decode())
        self.end_headers()
        self.wfile.write(answer.body)
