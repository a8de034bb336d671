"""The ledger: every request that the gateway received, its charge and its response."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import threading
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

from reconciler.testing.gateway.wire import FormPart, multipart

_MAX_SHOWN = 2000
"""Longer strings of a body are written to the file as their digest; the body itself is beside it."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One request. `kind`: paid, list, fetch (the URL of an image), misdirected (to another host), reset, other."""

    number: int
    at: float
    kind: str
    dialect: str
    connection: int
    method: str = ""
    path: str = ""
    headers: tuple[str, ...] = ()
    key_ok: bool | None = None
    """The right key in the right header. None: no key was sent."""
    key_elsewhere: bool = False
    """The key stood in the URL or in the body."""
    complete: bool = True
    model: str = ""
    prompt: str = ""
    references: tuple[str, ...] = ()
    """SHA-256 of the images that were sent, in order."""
    wanted: str = ""
    """The image that is served for it: `1344x768 png x1`."""
    billed: bool = False
    amount: str = "0"
    status: int = 0
    fault: str = "ok"
    images: tuple[str, ...] = ()
    """SHA-256 of the images in the response."""
    planned: int = 0
    sent: int | None = None
    client_connected: bool | None = None
    """At the last byte. None: no response was sent yet."""
    took: float | None = None
    head: bytes = field(default=b"", repr=False)
    """The head's own bytes, with the key's value taken out."""
    body: bytes = field(default=b"", repr=False)

    @property
    def content_type(self) -> str:
        for line in self.head.decode("latin-1").split("\r\n"):
            if line.lower().startswith("content-type:"):
                return line.partition(":")[2].strip()
        return ""

    @property
    def json(self) -> Any:
        """The parsed JSON body, or None."""
        try:
            return json.loads(self.body)
        except ValueError:
            return None

    @property
    def parts(self) -> tuple[FormPart, ...]:
        """The parts of a multipart body."""
        return multipart(self.body, self.content_type)


class Ledger:
    """Append-only. With a path, each line is in the file before the request is answered."""

    def __init__(self, path: Path | None = None, *, keep: str = "bodies") -> None:
        """`keep`: "bodies" (in memory, and in the folder `PATH.bodies` where there is a path) or "lines" only."""
        self._path = path
        self._keep = keep
        self._lock = threading.Lock()
        self._entries: dict[int, Entry] = {}
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644) if path else None
        if path and keep == "bodies":
            self._folder(path).mkdir(exist_ok=True)

    @staticmethod
    def _folder(path: Path) -> Path:
        return path.with_name(path.name + ".bodies")

    def receive(self, entry: Entry) -> None:
        """Written and flushed when this returns."""
        kept = entry if self._keep == "bodies" and not self._path else replace(entry, body=b"")
        with self._lock:
            self._entries[entry.number] = kept
        if self._path and self._keep == "bodies":
            (self._folder(self._path) / f"{entry.number:06}").write_bytes(entry.head + entry.body)
        line = {name: value for name, value in asdict(entry).items() if name not in {"head", "body"}}
        self._write({"line": "request", **line, "parsed": _parsed(entry)})

    def end_response(self, number: int, *, sent: int, client_connected: bool, took: float) -> None:
        with self._lock:
            if number in self._entries:  # a stalled client may close after its entry was cleared
                entry = self._entries[number]
                self._entries[number] = replace(entry, sent=sent, client_connected=client_connected, took=took)
        self._write(
            {"line": "response", "number": number, "sent": sent, "client_connected": client_connected, "took": took}
        )

    def _write(self, line: Mapping[str, Any]) -> None:
        if self._file is not None:
            os.write(self._file, json.dumps(line, separators=(",", ":")).encode() + b"\n")

    def close(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None

    @classmethod
    def read(cls, path: Path) -> Ledger:
        """The ledger of another process, with the bodies where they were kept. A line being written is left out."""
        ledger = cls()
        folder = cls._folder(path)
        for text in path.read_bytes().split(b"\n")[:-1]:
            line = json.loads(text)
            if line.pop("line") == "response":
                ledger.end_response(line.pop("number"), **line)
                continue
            line.pop("parsed")
            body = folder / f"{line['number']:06}"
            head, _, rest = body.read_bytes().partition(b"\r\n\r\n") if body.exists() else (b"", b"", b"")
            tuples = {key: tuple(value) for key, value in line.items() if isinstance(value, list)}
            ledger.receive(Entry(**{**line, **tuples}, head=head, body=rest))
        return ledger

    @property
    def entries(self) -> tuple[Entry, ...]:
        with self._lock:
            return tuple(sorted(self._entries.values(), key=lambda entry: entry.number))

    @property
    def requests(self) -> tuple[Entry, ...]:
        """The requests for an image, in order: complete or not, charged or not."""
        return tuple(entry for entry in self.entries if entry.kind == "paid")

    @property
    def billed(self) -> tuple[Entry, ...]:
        return tuple(entry for entry in self.requests if entry.billed)

    @property
    def fetches(self) -> tuple[Entry, ...]:
        return tuple(entry for entry in self.entries if entry.kind == "fetch")

    @property
    def misdirected(self) -> tuple[Entry, ...]:
        """Requests to another host than the provider's."""
        return tuple(entry for entry in self.entries if entry.kind == "misdirected")

    @property
    def amount(self) -> Decimal:
        """US dollars charged in all."""
        return sum((Decimal(entry.amount) for entry in self.billed), Decimal(0))

    def billed_by_prompt(self) -> Counter[str]:
        """How often each prompt was paid for."""
        return Counter(entry.prompt for entry in self.billed)

    def clear(self) -> None:
        """Remove all entries (in memory only)."""
        with self._lock:
            self._entries.clear()


def _parsed(entry: Entry) -> Any:
    if entry.content_type.startswith("multipart/"):
        return {"multipart": [_part_summary(part) for part in entry.parts]}
    if entry.json is not None:
        return {"json": _shortened(entry.json)}
    return {"bytes": base64.b64encode(entry.body[:_MAX_SHOWN]).decode()}


def _part_summary(part: FormPart) -> dict[str, Any]:
    digest = hashlib.sha256(part.data).hexdigest()
    summary: dict[str, Any] = {
        "name": part.name,
        "filename": part.filename,
        "type": part.content_type,
        "sha256": digest,
    }
    return summary if part.filename else {**summary, "value": part.data.decode("utf-8", "replace")}


def _shortened(value: Any) -> Any:
    if isinstance(value, str) and len(value) > _MAX_SHOWN:
        return f"{value[:40]}… {len(value)} characters, sha256:{hashlib.sha256(value.encode()).hexdigest()}"
    if isinstance(value, list):
        return [_shortened(item) for item in value]
    if isinstance(value, dict):
        return {key: _shortened(item) for key, item in value.items()}
    return value
