"""The routes of a fake ComfyUI server. Source of the shapes: server.py, execution.py and comfy_execution/jobs.py."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from reconciler.testing.comfyui.state import CHECKPOINTS, CLASSES, ComfyJob, ComfyState

_STATUS = {"pending": "pending", "running": "in_progress", "success": "completed", "error": "failed"}
_PART = re.compile(rb'name="(\w+)"(?:; filename="([^"]*)")?')


class FakeComfy:
    """A running server, as tests see it. `requests` are the method and the path of each request."""

    def __init__(self, state: ComfyState, port: int) -> None:
        self._state = state
        self.origin = f"http://127.0.0.1:{port}"
        self.requests: list[str] = []
        self.answers: dict[str, tuple[int, bytes]] = {}
        """Bytes to answer instead, by the beginning of a path: a status of 0 closes the connection."""

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


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name of the base class
        """Nothing is printed."""

    def do_GET(self) -> None:
        self._answer("GET", b"")

    def do_POST(self) -> None:
        self._answer("POST", self.rfile.read(int(self.headers.get("Content-Length", 0))))

    def _answer(self, method: str, body: bytes) -> None:
        target = urlsplit(self.path)
        path = target.path
        self.server.comfy.requests.append(f"{method} {path}")
        instead = next((each for start, each in self.server.comfy.answers.items() if path.startswith(start)), None)
        if instead is not None:
            self._send(*instead)
            return
        if not (self.server.old and path.startswith("/api/jobs")):
            path = path.removeprefix("/api") if not path.startswith("/api/jobs") else path
            first, _, rest = path.strip("/").partition("/")
            route = getattr(self, f"_{method.lower()}_{first}", None)
            if route is not None:
                route(unquote(rest), parse_qs(target.query), body)
                return
        self._send(404, b"404: Not Found")

    def _send(self, status: int, body: bytes, kind: str = "application/json") -> None:
        if not status:
            self.close_connection = True
            self.connection.close()
            return
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        if 300 <= status < 400:
            self.send_header("Location", body.decode())
        self.end_headers()
        self.wfile.write(body)

    def _json(self, value: Any, status: int = 200) -> None:
        self._send(status, json.dumps(value).encode())

    def _post_prompt(self, rest: str, query: Mapping[str, Any], body: bytes) -> None:
        given = json.loads(body)
        workflow = given["prompt"]
        error, nodes = _invalid(workflow)
        if error is not None:
            self._json({"error": error, "node_errors": nodes}, 400)
            return
        job = self.server.state.queue(workflow, "" if self.server.old else given.get("prompt_id", ""))
        self._json({"prompt_id": job.name, "number": job.number, "node_errors": {}})

    def _get_api(self, rest: str, query: Mapping[str, Any], body: bytes) -> None:
        job = self.server.state.named(rest.removeprefix("jobs/"))
        if job is None:
            self._json({"error": "Job not found"}, 404)
            return
        told = {"id": job.name, "status": _STATUS.get(job.state, "failed"), "priority": job.number}
        if job.state in ("success", "error", "interrupted"):
            told |= {"outputs": job.outputs, "execution_status": _status(job), "outputs_count": len(job.outputs)}
            told |= {"execution_error": job.error} if job.error else {}
        self._json(told)

    def _post_api(self, rest: str, query: Mapping[str, Any], body: bytes) -> None:
        name = rest.removeprefix("jobs/").removesuffix("/cancel")
        self._json({"cancelled": self.server.state.cancel(name)})

    def _get_history(self, rest: str, query: Mapping[str, Any], body: bytes) -> None:
        job = self.server.state.named(rest)
        if job is None or job.state in ("pending", "running"):
            self._json({})
            return
        prompt = [job.number, job.name, job.workflow, {"client_id": "reconciler"}, [*job.outputs]]
        self._json({job.name: {"prompt": prompt, "outputs": job.outputs, "status": _status(job), "meta": {}}})

    def _get_queue(self, rest: str, query: Mapping[str, Any], body: bytes) -> None:
        jobs: dict[str, list[Any]] = {"queue_running": [], "queue_pending": []}
        for job in self.server.state.jobs:
            key = f"queue_{job.state}"
            if key in jobs:
                jobs[key].append([job.number, job.name, job.workflow, {}, [*job.outputs]])
        self._json(jobs)

    def _post_queue(self, rest: str, query: Mapping[str, Any], body: bytes) -> None:
        for name in json.loads(body).get("delete", ()):
            job = self.server.state.named(name)
            if job is not None and job.state == "pending":
                self.server.state.cancel(name)
        self._send(200, b"")

    def _post_interrupt(self, rest: str, query: Mapping[str, Any], body: bytes) -> None:
        for job in self.server.state.jobs:
            if job.state == "running":
                self.server.state.cancel(job.name)
        self._send(200, b"")

    def _get_view(self, rest: str, query: Mapping[str, Any], body: bytes) -> None:
        data = self.server.state.images.get(query["filename"][0])
        self._send(404, b"") if data is None else self._send(200, data, "image/png")

    def _post_upload(self, rest: str, query: Mapping[str, Any], body: bytes) -> None:
        boundary = b"--" + self.headers["Content-Type"].partition("boundary=")[2].encode()
        for part in body.split(boundary):
            head, _, data = part.partition(b"\r\n\r\n")
            found = _PART.search(head)
            if found is not None and found[1] == b"image":
                name = found[2].decode()
                self.server.state.uploads.append((name, data[:-2]))
                self._json({"name": name, "subfolder": "", "type": "input"})
                return
        self._send(400, b"")

    def _get_object_info(self, rest: str, query: Mapping[str, Any], body: bytes) -> None:
        self._json({rest: CLASSES[rest]} if rest in CLASSES else {})

    def _get_system_stats(self, rest: str, query: Mapping[str, Any], body: bytes) -> None:
        system = {"os": "posix", "comfyui_version": "0.3.76", "python_version": "3.13.9", "pytorch_version": "2.9.1"}
        self._json({"system": system, "devices": [{"name": "cpu", "type": "cpu", "index": None}]})


def _status(job: ComfyJob) -> dict[str, Any]:
    """`status` of an entry of the history."""
    if job.state == "success":
        return {"status_str": "success", "completed": True, "messages": [["execution_success", {}]]}
    event = "execution_error" if job.error else "execution_interrupted"
    return {"status_str": "error", "completed": False, "messages": [["execution_start", {}], [event, job.error or {}]]}


def _invalid(workflow: Mapping[str, Any]) -> tuple[dict[str, Any] | None, dict[str, Any]]:
    """The error of a workflow that is not queued, and those of its nodes, as `validate_prompt` has them."""
    for name, node in workflow.items():
        if node["class_type"] not in CLASSES:
            message = f"Cannot execute because node {node['class_type']} does not exist."
            details = f"Node ID '#{name}'"
            return {"type": "invalid_prompt", "message": message, "details": details, "extra_info": {}}, {}
        checkpoint = node["inputs"].get("ckpt_name", CHECKPOINTS[0])
        if checkpoint not in CHECKPOINTS:
            details = f"ckpt_name: '{checkpoint}' not in {list(CHECKPOINTS)}"
            wrong = {"type": "value_not_in_list", "message": "Value not in list", "details": details, "extra_info": {}}
            nodes = {name: {"errors": [wrong], "dependent_outputs": ["9"], "class_type": node["class_type"]}}
            message = "Prompt outputs failed validation"
            error = {"type": "prompt_outputs_failed_validation", "message": message, "details": "", "extra_info": {}}
            return error, nodes
    return None, {}
