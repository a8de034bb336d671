"""Batch jobs of OpenAI and Google: files, jobs and their results, with faults on demand. No sockets.

Each line is billed when its job is created. The faults of a job are those that its prompts name (`batch:missing`), and
those that `script` gave for the next job.
"""

from __future__ import annotations

import json
import re
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any
from urllib.parse import unquote

from reconciler.testing.gateway.batch_job import (
    BATCH_FAULTS,
    BATCH_IN_PROMPT,
    BilledLine,
    ServedJob,
    ServedLine,
    from_byte,
    result_line,
    until_byte,
)
from reconciler.testing.gateway.parsed_request import ParsedRequest, parse_request
from reconciler.testing.gateway.wire import Request, Response, multipart


@dataclass(frozen=True, slots=True)
class BatchReply:
    """The response to a request about batches. `send` names a fault of the transport."""

    response: Response
    send: str = "whole"
    lines: tuple[BilledLine, ...] = ()


Draw = Callable[[str, ParsedRequest], tuple[Response, str, str | None]]
"""The response to one request alone, the image that it wants, and what it costs; None: nothing."""


@dataclass(slots=True)
class BatchDesk:
    """The files and jobs of one dialect. `origin` is filled by the server."""

    dialect: str
    draw: Draw
    origin: Callable[[], str]
    page: int = 100
    files: dict[str, bytes] = field(default_factory=dict)
    jobs: list[ServedJob] = field(default_factory=list)
    scripted: deque[str] = field(default_factory=deque)
    _numbers: int = 0

    def serve(self, request: Request) -> BatchReply | None:
        """The response, or None if the request is not about batches."""
        routes = _GOOGLE if self.dialect == "gemini" else _OPENAI
        for method, pattern, name in routes:
            found = re.fullmatch(pattern, request.path)
            if found and request.method == method:
                reply: BatchReply = getattr(self, f"_{name}")(request, *found.groups())
                return reply
        return None

    def _file(self, request: Request) -> BatchReply:
        data = next((p.data for p in multipart(request.body, request.header("content-type")) if p.name == "file"), b"")
        return _json({"id": self._kept(data), "object": "file", "bytes": len(data), "purpose": "batch"})

    def _upload(self, request: Request) -> BatchReply:
        if request.header("x-goog-upload-command") == "start":
            where = f"{self.origin()}/upload/v1beta/files?upload_id={len(self.files) + 1}&upload_protocol=resumable"
            return BatchReply(Response(200, (("X-Goog-Upload-URL", where),), ()))
        return _json({"file": {"name": f"files/{self._kept(request.body)}", "state": "ACTIVE"}})

    def _kept(self, data: bytes) -> str:
        name = f"file-{len(self.files) + 1:06}"
        self.files[name] = data
        return name

    def _create(self, request: Request, model: str = "") -> BatchReply:
        body = json.loads(request.body)
        if self.dialect == "gemini":
            name = str(body["batch"]["displayName"])
            data = self.files.get(str(body["batch"]["inputConfig"]["fileName"]).removeprefix("files/"), b"")
        else:
            name = str(body.get("metadata", {}).get("reconciler", ""))
            data = self.files.get(str(body["input_file_id"]), b"")
        sent = [(line, self._parsed(line, model)) for line in map(json.loads, data.splitlines())]
        prompts = [parsed.prompt for _, parsed in sent]
        named = {fault for prompt in prompts for found in BATCH_IN_PROMPT.findall(prompt) for fault in found.split(",")}
        faults = frozenset(named | ({self.scripted.popleft()} if self.scripted else set()))
        if wrong := faults - BATCH_FAULTS.keys() - {"ok"}:
            raise ValueError(f"no such fault: {', '.join(sorted(wrong))}")
        if "create_400" in faults:
            return _error(400, "the file of requests is invalid")
        if "create_503" in faults:
            return _error(503, "the service is overloaded")
        if "never_created" in faults:
            return BatchReply(Response(200, (), ()), "reset_after_request")
        self._numbers += 1
        drawn = [self._line(line, parsed, fails="errors_only" in faults) for line, parsed in sent]
        another, _, _ = self.draw(self.dialect, replace(sent[0][1], prompt="another picture"))
        used = model or (sent[0][1].model if sent else "")
        job = ServedJob(self.dialect, self._numbers, name, used, faults, drawn, len(sent), another)
        if "failed" in faults:
            job.lines = []
        self.jobs.append(job)
        send = "reset_after_request" if faults & {"reply_lost", "listed_late"} else "whole"
        billed = tuple(line.told for line in drawn) if "failed" not in faults else ()
        return BatchReply(_response(200, _bytes(job.told())), send, billed)

    def _parsed(self, line: Any, model: str) -> ParsedRequest:
        if self.dialect == "gemini":
            target, body = f"/v1beta/models/{model}:generateContent", line["request"]
        else:
            target, body = line["url"], dict(line["body"])
            if "images" in body:
                body["image"] = [image["image_url"] for image in body.pop("images")]
        content = (("Content-Type", "application/json"),)
        return parse_request(Request("POST", target, content, b"", json.dumps(body).encode(), complete=True))

    def _line(self, line: Any, parsed: ParsedRequest, *, fails: bool) -> ServedLine:
        key = str(line["key"] if self.dialect == "gemini" else line["custom_id"])
        response, wanted, amount = self.draw(self.dialect, parsed)
        if fails:
            response, amount = _error(400, "invalid request").response, None
        half = None if amount is None else str(Decimal(amount) / 2)
        told = BilledLine(key, parsed.model, parsed.prompt, wanted, half, response.status, response.images)
        return ServedLine(key, told, tuple(result_line(self.dialect, key, response)), response.status != 200)

    def _look(self, request: Request, number: str) -> BatchReply:
        job = self._job(number)
        if job is None or "vanished" in job.faults:
            return _error(404, "there is no such batch")
        job.looks += 1
        return _json(job.told())

    def _list(self, request: Request) -> BatchReply:
        listed = []
        for job in reversed(self.jobs):
            job.listings += 1
            if "list_503" in job.faults and job.listings == 1:
                return _error(503, "the list is not available")
            if not ("listed_late" in job.faults and job.listings <= 2):
                listed.append(job)
        token = re.search(r"(?:after|pageToken)=([^&]+)", request.target)
        start = next((at + 1 for at, job in enumerate(listed) if token and job.id == unquote(token[1])), 0)
        page = listed[start : start + self.page]
        more = start + self.page < len(listed)
        told = [job.told() for job in page]
        if self.dialect == "gemini":
            return _json({"operations": told} | ({"nextPageToken": page[-1].id} if more else {}))
        last = page[-1].id if page else None
        return _json({"object": "list", "data": told, "has_more": more, "last_id": last})

    def _cancel(self, request: Request, number: str) -> BatchReply:
        job = self._job(number)
        if job is None:
            return _error(404, "there is no such batch")
        job.cancelled = True
        return _json({} if self.dialect == "gemini" else job.told())

    def _results(self, request: Request, number: str) -> BatchReply:
        job = self._job(number.partition("-")[0])
        if job is None:
            return _error(404, "there is no such file")
        job.downloads += 1
        if "get_503" in job.faults and job.downloads == 1:
            return _error(503, "the file is not available")
        chunks = job.errors() if number.endswith("-errors") else job.output()
        if "half_line" in job.faults or ("half_line_once" in job.faults and job.downloads == 1):
            chunks = list(until_byte(chunks, sum(map(len, chunks)) - sum(map(len, job.lines[-1].chunks)) // 2))
        total, start = sum(map(len, chunks)), 0
        wanted = re.fullmatch(r"bytes=([0-9]+)-", request.header("range"))
        if wanted and "no_ranges" not in job.faults:
            start = int(wanted[1])
            if start >= total:
                return BatchReply(Response(416, (("Content-Range", f"bytes */{total}"),), ()))
        headers: tuple[tuple[str, str], ...] = (("Content-Type", "application/octet-stream"),)
        if start:
            headers += (("Content-Range", f"bytes {start}-{total - 1}/{total}"),)
        cut = "cut_download" in job.faults and job.downloads == 1
        response = Response(206 if start else 200, headers, tuple(from_byte(chunks, start)))
        return BatchReply(response, "reset_mid_body" if cut else "whole")

    def _job(self, number: str) -> ServedJob | None:
        return next((job for job in self.jobs if str(job.number) == number.removeprefix("batch_")), None)


_OPENAI = (
    ("POST", r"/v1/files", "file"),
    ("GET", r"/v1/files/([^/]+)/content", "results"),
    ("POST", r"/v1/batches", "create"),
    ("GET", r"/v1/batches", "list"),
    ("GET", r"/v1/batches/([^/]+)", "look"),
    ("POST", r"/v1/batches/([^/]+)/cancel", "cancel"),
)
_GOOGLE = (
    ("POST", r"/upload/v1beta/files", "upload"),
    ("GET", r"/download/v1beta/files/([^/:]+):download", "results"),
    ("POST", r"/v1beta/models/([^/:]+):batchGenerateContent", "create"),
    ("GET", r"/v1beta/batches", "list"),
    ("GET", r"/v1beta/batches/([^/:]+)", "look"),
    ("POST", r"/v1beta/batches/([^/:]+):cancel", "cancel"),
)


def _bytes(value: Any) -> bytes:
    return json.dumps(value).encode()


def _response(status: int, body: bytes) -> Response:
    return Response(status, (("Content-Type", "application/json"),), (body,))


def _json(value: Any) -> BatchReply:
    return BatchReply(_response(200, _bytes(value)))


def _error(status: int, message: str) -> BatchReply:
    return BatchReply(_response(status, _bytes({"error": {"code": status, "message": message}})))
