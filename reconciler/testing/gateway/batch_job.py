"""One batch job of the gateway: its state and its results, spoiled by its faults."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from reconciler.testing.gateway.wire import Response

BATCH_IN_PROMPT = re.compile(r"batch:(\w+(?:,\w+)*)")
BATCH_FAULTS = {
    "reply_lost": "the job is created, and the connection is reset",
    "never_created": "the connection is reset, and no job is created",
    "listed_late": "the first two listings do not have the job",
    "list_503": "the first listing fails",
    "create_400": "no job is created",
    "create_503": "no job is created, and a later try may",
    "working": "the first look finds the job working",
    "unnamed_file": "the first look finds the job done, and no file of results",
    "out_of_order": "the lines of the results are reversed",
    "missing": "the results lack the first line",
    "duplicate": "the first line comes again at the end, with another image",
    "foreign_key": "there is one more line, with a key that nobody sent",
    "half_line": "the last line is cut",
    "half_line_once": "the last line is cut in the first download",
    "get_503": "the first download of the results fails",
    "cut_download": "the first download breaks off in the middle",
    "no_ranges": "a download always begins at the first byte",
    "expired_half": "the job expired when half of it was done",
    "errors_only": "every request failed, and there is no file of results",
    "failed": "the job failed as a whole",
    "cancelled_half": "the job was cancelled when half of it was done",
    "vanished": "the provider does not know the job any more",
}


@dataclass(frozen=True, slots=True)
class BilledLine:
    """One request of a job, for the ledger."""

    key: str
    model: str
    prompt: str
    wanted: str
    amount: str | None
    status: int
    images: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ServedLine:
    """One request of a job, and its line of the results in pieces."""

    key: str
    told: BilledLine
    chunks: tuple[bytes | memoryview, ...]
    failed: bool


@dataclass(slots=True)
class ServedJob:
    """A job as its service tells it. `another` is a response with one more image."""

    dialect: str
    number: int
    name: str
    model: str
    faults: frozenset[str]
    lines: list[ServedLine]
    total: int
    another: Response
    looks: int = 0
    listings: int = 0
    downloads: int = 0
    cancelled: bool = False

    def _done(self) -> list[ServedLine]:
        """The lines that were answered."""
        half = self.faults & {"expired_half", "cancelled_half"} or self.cancelled
        return self.lines[: len(self.lines) // 2] if half else self.lines

    def output(self) -> list[bytes | memoryview]:
        """The file of results."""
        lines = [line for line in self._done() if self.dialect == "gemini" or not line.failed]
        if "out_of_order" in self.faults:
            lines.reverse()
        if "missing" in self.faults:
            lines = [line for line in lines if line is not self.lines[0]]
        written = [chunk for line in lines for chunk in line.chunks]
        if "duplicate" in self.faults and lines:
            written += result_line(self.dialect, self.lines[0].key, self.another)
        if "foreign_key" in self.faults and lines:
            written += result_line(self.dialect, "of-somebody-else", self.another)
        return written

    def errors(self) -> list[bytes | memoryview]:
        """The file of errors, which only OpenAI has."""
        written = [chunk for line in self._done() if line.failed for chunk in line.chunks]
        expired = {"code": "batch_expired", "message": "this request could not be executed before it expired"}
        for line in self.lines[len(self._done()) :]:
            told = {"id": "batch_req_2", "custom_id": line.key, "response": None, "error": expired}
            written.append(json.dumps(told).encode() + b"\n")
        return written

    @property
    def id(self) -> str:
        """Its id."""
        return f"batches/{self.number}" if self.dialect == "gemini" else f"batch_{self.number}"

    def _state(self) -> str:
        if "working" in self.faults and self.looks <= 1 and not self.cancelled:
            return "working"
        if "failed" in self.faults:
            return "failed"
        if "expired_half" in self.faults:
            return "expired"
        return "cancelled" if "cancelled_half" in self.faults or self.cancelled else "succeeded"

    def told(self) -> dict[str, Any]:
        """The job as JSON."""
        state, done = self._state(), len(self._done())
        ended = state != "working"
        named = ended and not ("unnamed_file" in self.faults and self.looks <= 1)
        output, errors = bool(self.output()) and named, bool(self.errors()) and named
        if self.dialect == "gemini":
            word = "RUNNING" if state == "working" else state.upper()
            stats = {"requestCount": str(self.total), "successfulRequestCount": str(done)}
            told: dict[str, Any] = {"displayName": self.name, "state": f"BATCH_STATE_{word}", "batchStats": stats}
            made: dict[str, Any] = {"name": self.id, "metadata": told}
            if ended:
                made["done"] = True
            if output:
                made["response"] = {"responsesFile": f"files/{self.number}"}
            return made | ({"error": {"code": 3, "message": "the job failed"}} if state == "failed" else {})
        status = {"working": "in_progress", "succeeded": "completed"}.get(state, state)
        return {
            "id": self.id,
            "object": "batch",
            "status": status,
            "metadata": {"reconciler": self.name},
            "output_file_id": f"{self.number}-output" if output else None,
            "error_file_id": f"{self.number}-errors" if errors else None,
            "errors": {"data": [{"message": "the job failed"}]} if state == "failed" else None,
            "request_counts": {"total": self.total, "completed": done, "failed": 0},
        }


def result_line(dialect: str, key: str, response: Response) -> Iterator[bytes | memoryview]:
    """A line of the results: a response, under the key of its request."""
    quoted = json.dumps(key).encode()
    if dialect == "gemini":
        name = b'"response":' if response.status == 200 else b'"error":'
        body: Sequence[bytes | memoryview] = response.chunks
        if response.status != 200:
            body = (json.dumps(json.loads(response.body)["error"]).encode(),)
        yield from (b'{"key":' + quoted + b"," + name, *body, b"}\n")
        return
    status = b"%d" % response.status
    yield b'{"id":"batch_req_1","custom_id":' + quoted + b',"response":{"status_code":' + status
    yield b',"request_id":"req_of_the_batch","body":'
    yield from response.chunks
    yield b'},"error":null}\n'


def until_byte(chunks: Iterable[bytes | memoryview], end: int) -> Iterator[bytes | memoryview]:
    """The bytes before a position."""
    for chunk in chunks:
        yield memoryview(chunk)[:end]
        end -= len(chunk)
        if end <= 0:
            return


def from_byte(chunks: Iterable[bytes | memoryview], start: int) -> Iterator[bytes | memoryview]:
    """The bytes from a position on."""
    for chunk in chunks:
        if start < len(chunk):
            yield memoryview(chunk)[start:] if start else chunk
        start = max(0, start - len(chunk))
