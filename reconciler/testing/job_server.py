"""A server that speaks the APIs of jobs over real sockets: fal's queue, Replicate's predictions, Black Forest Labs.

In a test::

    with JobServer("fal") as server:
        provider settings: {"type": "fal", "base_url": server.url}, with `server.key` as the key
        ...submit "a cat job:reply_lost"...
        assert server.billed == ["a cat job:reply_lost"]

A job is billed when it is accepted. It is done at the third look. A prompt may name one fault:

- `job:refused`, `job:busy`: the request is answered by 422 and 429, and nothing is accepted.
- `job:reply_lost`: it is accepted, and the connection closes without a response.
- `job:elsewhere`: the response names another host to look at.
- `job:slow`: it is done at the 1,000,000th look. `job:quick`: at the first. `job:soon`: at the second.
- `job:html`, `job:redirect`, `job:cut`: the first look is answered by an HTML 502, a redirect to another host, and half
  of a body.
- `job:gone`: every look is answered by 404.
- `job:failed`, `job:free`, `job:moderated`: it ends so; `free` is an error of the server that is not charged.
- `job:no_file`: its image cannot be fetched. `job:late_file`: its image can be fetched at the second look after it.
- `job:page`: its image is an HTML page. `job:square`: its image is a square.
"""

from __future__ import annotations

import json
import re
import threading
from base64 import b64encode
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from reconciler.testing.gateway.pictures import Picture, picture

ALL_LOOKS = 1_000_000
"""Looks after which every job is done."""
_DONE_AT = {"slow": ALL_LOOKS, "quick": 1, "soon": 2}
_KEY_HEADERS = {"fal": ("authorization", "Key "), "replicate": ("authorization", "Bearer "), "bfl": ("x-key", "")}
_FAULT = re.compile(r"job:([a-z_]+)")
_FETCHES = 3
"""The attempts of one download."""


@dataclass
class AcceptedJob:
    """A job of the server. `looks` counts those before its outcome."""

    number: int
    prompt: str
    body: Mapping[str, Any]
    created: str = ""
    looks: int = 0
    fetches: int = 0

    @property
    def name(self) -> str:
        return f"job-{self.number}"

    @property
    def text(self) -> str:
        """The request as JSON."""
        return json.dumps(self.body)

    @property
    def size(self) -> tuple[int, int]:
        """The pixels that it asks for."""
        given = self.body.get("input", self.body)
        if self.fault == "square":
            return 512, 512
        pixels = given.get("image_size") or given
        if "width" in pixels:
            return pixels["width"], pixels["height"]
        across, down = (int(side) for side in given.get("aspect_ratio", "1:1").split(":"))
        return (1024, 1024 * down // across) if across > down else (1024 * across // down, 1024)

    @property
    def picture(self) -> Picture:
        """Its image."""
        return picture("png", *self.size, f"{self.number:016}".encode())

    @property
    def fault(self) -> str:
        found = _FAULT.search(self.prompt)
        return found[1] if found else ""

    @property
    def done(self) -> bool:
        return self.looks >= _DONE_AT.get(self.fault, 3)


@dataclass
class JobAnswer:
    """What the server answers: a status and JSON, or other bytes. `cut`: less than announced."""

    status: int
    json: Any = None
    data: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    cut: bool = False

    @property
    def body(self) -> bytes:
        return self.data if self.data is not None else json.dumps(self.json).encode()


class _QuietServer(ThreadingHTTPServer):
    """Prints nothing about clients that go away."""

    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, request: object, client_address: object) -> None:
        """The client has died, as some tests mean it to."""


class JobServer:
    """A running server; use it as a context manager. All attributes may be read from any thread."""

    def __init__(self, api: str, *, key: str = "fk-0123456789abcdef", ledger: Path | None = None) -> None:
        """`ledger`: a file to which each accepted job is appended as a line of JSON, before it is answered."""
        self.api = api
        self.key = key
        self.jobs: list[AcceptedJob] = []
        self.requests: list[tuple[str, str]] = []
        self.with_key: Counter[str] = Counter()
        self.active = 0
        self._ledger = ledger
        self._lock = threading.Lock()
        self._server = _QuietServer(("127.0.0.1", 0), _handler(self))
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def url(self) -> str:
        """The origin of the server."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def billed(self) -> list[str]:
        """The prompts of the accepted jobs, in order."""
        return [job.prompt for job in self.jobs]

    @staticmethod
    def data_of(path: Path) -> str:
        """The base64 of a file, as a request has it."""
        return b64encode(path.read_bytes()).decode()

    def answer(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> JobAnswer | None:
        """The answer to a request; None: the connection closes without one."""
        with self._lock:
            name, before = _KEY_HEADERS[self.api]
            given = headers.get(name, "")
            self.requests.append((method, path))
            kind = "files" if path.startswith("/files/") else "api"
            self.with_key[kind] += self.key in "".join(headers.values())
            if kind == "files":
                return self._file(path)
            if given != before + self.key:
                return JobAnswer(401, {"detail": "the key is not valid"})
            if method == "POST":
                return self._submit(json.loads(body))
            if self.api == "replicate" and path == "/v1/predictions":
                return JobAnswer(200, {"next": None, "results": [self._prediction(job) for job in self.jobs[::-1]]})
            return self._look(path)

    def _submit(self, body: Mapping[str, Any]) -> JobAnswer | None:
        given = body["input"] if self.api == "replicate" else body
        job = AcceptedJob(len(self.jobs), given["prompt"], body, f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.%fZ}")
        if job.fault == "refused":
            return JobAnswer(422, {"detail": [{"msg": "prompt is not valid", "type": "value_error"}]})
        if job.fault == "busy":
            return JobAnswer(429, {"detail": "too many requests"}, headers={"Retry-After": "1"})
        self.jobs.append(job)
        if self._ledger is not None:
            with self._ledger.open("a") as lines:
                lines.write(json.dumps({"prompt": job.prompt, "image": job.picture.sha256}) + "\n")
        if job.fault == "reply_lost":
            return None
        host = "https://elsewhere.example" if job.fault == "elsewhere" else self.url
        at = f"{host}/m/requests/{job.name}"
        if self.api == "fal":
            urls = {"status_url": f"{at}/status", "response_url": at, "cancel_url": f"{at}/cancel"}
            return JobAnswer(200, {"status": "IN_QUEUE", "request_id": job.name, **urls})
        if self.api == "bfl":
            return JobAnswer(200, {"id": job.name, "polling_url": f"{host}/v1/get_result?id={job.name}"})
        return JobAnswer(201, self._prediction(job, host))

    def _look(self, path: str) -> JobAnswer:
        job = next((job for job in self.jobs if re.search(rf"\b{job.name}\b", path)), None)
        if job is None or job.fault == "gone":
            return JobAnswer(404, {"detail": "not found"})
        job.looks += 1
        if job.looks == 1 and job.fault in _FIRST_LOOKS:
            return _FIRST_LOOKS[job.fault]
        if self.api == "fal":
            return self._fal(job, result=not path.endswith("/status"))
        return JobAnswer(200, self._prediction(job)) if self.api == "replicate" else self._bfl(job)

    def _image(self, job: AcceptedJob) -> str:
        return f"{self.url}/files/{job.name}.png"

    def _fal(self, job: AcceptedJob, *, result: bool) -> JobAnswer:
        if not result:
            status = "COMPLETED" if job.done else "IN_PROGRESS"
            return JobAnswer(200 if job.done else 202, {"status": status, "response_url": self._result_url(job)})
        match job.fault:
            case "failed":
                return JobAnswer(422, {"detail": [{"msg": "the seed is too large", "type": "value_error"}]})
            case "moderated":
                return JobAnswer(422, {"detail": [{"msg": "flagged", "type": "content_policy_violation"}]})
            case "free":
                return JobAnswer(500, {"detail": "the runner broke", "error_type": "internal_error"})
        return JobAnswer(200, {"images": [{"url": self._image(job), "content_type": "image/png"}], "seed": 7})

    def _result_url(self, job: AcceptedJob) -> str:
        return f"{self.url}/m/requests/{job.name}"

    def _prediction(self, job: AcceptedJob, host: str = "") -> dict[str, Any]:
        url = f"{host or self.url}/v1/predictions/{job.name}"
        common = {
            "created_at": job.created,
            "id": job.name,
            "input": job.body["input"],
            "urls": {"get": url, "cancel": f"{url}/cancel"},
        }
        if not job.done:
            return {**common, "status": "processing", "output": None, "error": None}
        match job.fault:
            case "failed":
                return {**common, "status": "failed", "output": None, "error": "the seed is too large"}
            case "moderated":
                return {**common, "status": "failed", "output": None, "error": "NSFW content detected"}
            case "free":
                return {**common, "status": "aborted", "output": None, "error": None}
        return {**common, "status": "succeeded", "output": [self._image(job)], "error": None}

    def _bfl(self, job: AcceptedJob) -> JobAnswer:
        ends = {"failed": "Error", "moderated": "Content Moderated", "free": "Request Moderated"}
        if not job.done:
            return JobAnswer(200, {"id": job.name, "status": "Pending", "result": None, "progress": 0.3})
        if job.fault in ends:
            return JobAnswer(200, {"id": job.name, "status": ends[job.fault], "result": None})
        return JobAnswer(200, {"id": job.name, "status": "Ready", "result": {"sample": self._image(job), "seed": 7}})

    def _file(self, path: str) -> JobAnswer:
        job = next((job for job in self.jobs if path == f"/files/{job.name}.png"), None)
        if job is None:
            return JobAnswer(404, {"detail": "not found"})
        job.fetches += 1
        if job.fault == "no_file" or (job.fault == "late_file" and job.fetches <= _FETCHES):
            return JobAnswer(503, {"detail": "try again"})
        if job.fault == "page":
            return JobAnswer(200, data=b"<html>sign in</html>")
        return JobAnswer(200, data=job.picture.data)


_FIRST_LOOKS = {
    "html": JobAnswer(502, data=b"<html>bad gateway</html>"),
    "redirect": JobAnswer(302, {}, headers={"Location": "https://elsewhere.example/"}),
    "cut": JobAnswer(200, {"status": "COMPLETED", "rest": "x" * 100}, cut=True),
}


def _handler(server: JobServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer()

        def do_POST(self) -> None:
            self._answer()

        def _answer(self) -> None:
            server.active += 1
            try:
                self._answered()
            finally:
                server.active -= 1

        def _answered(self) -> None:
            length = int(self.headers.get("Content-Length", 0))
            body = self.rfile.read(length)
            self.close_connection = True
            if len(body) < length:
                return
            headers = {name.lower(): value for name, value in self.headers.items()}
            answer = server.answer(self.command, self.path, headers, body)
            if answer is None:
                return
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(answer.body)))
            self.end_headers()
            self.wfile.write(answer.body[: len(answer.body) // 2] if answer.cut else answer.body)

        def log_message(self, *args: object) -> None:
            """Nothing is printed."""

    return Handler
