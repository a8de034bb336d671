"""The part of Google's XML API that a bucket needs, with its conditions: no server of others speaks it offline.

https://cloud.google.com/storage/docs/xml-api/reference-headers#xgoogifgenerationmatch
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

PAGE = 100
Fault = Callable[["Exchange"], bool]


@dataclass
class Kept:
    data: bytes
    at: float
    generation: int


@dataclass
class FakeGcs:
    """What the server holds. `fault` sees each exchange first, and returns True if it has answered it."""

    bucket: str = "acme-art"
    objects: dict[str, Kept] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)
    fault: Fault | None = None
    conditions: bool = True
    token: str = "ya29.good"
    url: str = ""
    lock: threading.Lock = field(default_factory=threading.Lock)


class Exchange(BaseHTTPRequestHandler):
    """One request and its answer."""

    protocol_version = "HTTP/1.1"
    wbufsize = 1 << 16
    gcs: FakeGcs

    def log_request(self, code: object = "-", size: object = "-") -> None:
        pass

    def handle_any(self) -> None:
        self.body = self.rfile.read(int(self.headers.get("content-length", 0)))
        split = urlsplit(self.path)
        self.bucket, _, self.key = unquote(split.path)[1:].partition("/")
        self.query = {name: values[0] for name, values in parse_qs(split.query).items()}
        with self.gcs.lock:
            self.gcs.requests.append(f"{self.command} {self.key or self.query.get('prefix', '')}")
        if self.gcs.fault is not None and self.gcs.fault(self):
            return
        if self.headers.get("authorization") != f"Bearer {self.gcs.token}":
            self.refuse(401, "AuthenticationRequired")
        elif self.bucket != self.gcs.bucket:
            self.refuse(404, "NoSuchBucket")
        else:
            getattr(self, f"on_{self.command.lower()}")()

    do_GET = do_PUT = do_HEAD = do_DELETE = handle_any

    def on_put(self) -> None:
        with self.gcs.lock:
            known = self.gcs.objects.get(self.key)
            wanted = self.headers.get("x-goog-if-generation-match")
            if wanted is not None and self.gcs.conditions and int(wanted) != (known.generation if known else 0):
                return self.refuse(412, "PreconditionFailed")
            kept = Kept(self.body, time.time(), time.time_ns())
            self.gcs.objects[self.key] = kept
        return self.answer(200, b"", kept)

    def on_get(self) -> None:
        if not self.key:
            return self.listed()
        kept = self.gcs.objects.get(self.key)
        return self.refuse(404, "NoSuchKey") if kept is None else self.answer(200, kept.data, kept)

    def on_head(self) -> None:
        kept = self.gcs.objects.get(self.key)
        return self.refuse(404, "") if kept is None else self.answer(200, kept.data, kept)

    def on_delete(self) -> None:
        with self.gcs.lock:
            gone = self.gcs.objects.pop(self.key, None)
        return self.refuse(404, "NoSuchKey") if gone is None else self.answer(204, b"", gone)

    def listed(self) -> None:
        prefix, after = self.query.get("prefix", ""), self.query.get("continuation-token", "")
        names = sorted(name for name in self.gcs.objects if name.startswith(prefix) and name > after)
        page, more = names[:PAGE], len(names) > PAGE
        items = "".join(
            f"<Contents><Key>{escape(name)}</Key><Size>{len(self.gcs.objects[name].data)}</Size>"
            f"<LastModified>2026-11-28T06:00:00.000Z</LastModified><ETag>&quot;x&quot;</ETag></Contents>"
            for name in page
        )
        token = f"<NextContinuationToken>{escape(page[-1])}</NextContinuationToken>" if more else ""
        text = f"<?xml version='1.0'?><ListBucketResult><Name>{self.gcs.bucket}</Name><Prefix>{escape(prefix)}</Prefix>"
        text += f"<IsTruncated>{str(more).lower()}</IsTruncated>{token}{items}</ListBucketResult>"
        self.answer(200, text.encode(), None)

    def answer(self, status: int, body: bytes, kept: Kept | None) -> None:
        self.send_response(status)
        if kept is not None:
            self.send_header("x-goog-generation", str(kept.generation))
            self.send_header("ETag", f'"{hashlib.md5(kept.data).hexdigest()}"')
            self.send_header("Last-Modified", formatdate(kept.at, usegmt=True))
        if status != 204:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def refused(self, status: int, code: str = "Refused") -> bool:
        """The same, as the end of a fault."""
        self.refuse(status, code)
        return True

    def refuse(self, status: int, code: str) -> None:
        self.answer(status, f"<?xml version='1.0'?><Error><Code>{code}</Code></Error>".encode(), None)

    def hang_up(self) -> None:
        """Close the connection; what was answered so far is sent, and no more."""
        self.wfile.flush()
        self.close_connection = True
        self.connection.close()


class _Quiet(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that went away is no news."""


@contextmanager
def fake_gcs(**given: object) -> Iterator[FakeGcs]:
    gcs = FakeGcs(**given)  # type: ignore[arg-type]  # fields of a dataclass by name
    handler = type("BoundExchange", (Exchange,), {"gcs": gcs})
    with _Quiet(("127.0.0.1", 0), handler) as server:
        gcs.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield gcs
        finally:
            server.shutdown()
            thread.join(10)
