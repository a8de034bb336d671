"""A web server as the team's store: read by name, never written, and nothing of it is believed blindly."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from reconciler.core.errors import BucketDenied, BucketError, BucketUnreachable
from reconciler.core.team.store_url import StoreUrl
from reconciler.team.timeouts import BucketTimeouts
from reconciler.team.web_bucket import WebBucket
from tests.team.contract import read

Answer = Callable[[BaseHTTPRequestHandler], None]


class Site:
    def __init__(self) -> None:
        self.answer: Answer = whole
        self.asked: list[tuple[str, str]] = []
        self.headers: dict[str, str] = {}
        self.url = ""


def whole(exchange: BaseHTTPRequestHandler) -> None:
    body = b"bytes" if exchange.path == "/art/objects/ab/x" else b""
    exchange.send_response(200 if body else 404)
    exchange.send_header("Content-Length", str(len(body)))
    exchange.send_header("Last-Modified", "Sat, 28 Nov 2026 06:00:00 GMT")
    exchange.end_headers()
    if exchange.command == "GET":
        exchange.wfile.write(body)


@pytest.fixture
def site() -> Iterator[Site]:
    site = Site()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            site.asked.append((self.command, self.path))
            site.headers = {name.lower(): text for name, text in self.headers.items()}
            site.answer(self)

        do_HEAD = do_PUT = do_DELETE = do_GET

        def log_request(self, code: object = "-", size: object = "-") -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        site.url = f"127.0.0.1:{server.server_address[1]}"
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        yield site
        server.shutdown()


@pytest.fixture
def bucket(site: Site) -> WebBucket:
    return WebBucket(StoreUrl("http", site.url, "art"), BucketTimeouts(connect=2, idle=0.5))


def test_objects_are_read_by_their_names(bucket: WebBucket, site: Site) -> None:
    assert read(bucket, "objects/ab/x") == b"bytes"
    assert read(bucket, "objects/ab/y") is None
    found = bucket.stat("objects/ab/x")
    assert found is not None
    assert (found.size, found.modified.isoformat()) == (5, "2026-11-28T06:00:00+00:00")
    assert bucket.stat("objects/ab/y") is None
    assert not {"authorization", "cookie"} & site.headers.keys()


def test_nothing_is_written_or_asked_for_that(bucket: WebBucket, site: Site) -> None:
    for write in (
        lambda: bucket.put_new("a", b"x"), lambda: bucket.replace("a", b"x"), lambda: bucket.delete("a")
    ):  # fmt: skip
        with pytest.raises(BucketDenied, match="is a web server, which is only read"):
            write()
    with pytest.raises(BucketError, match="does not list its objects"):
        bucket.names("")
    assert site.asked == []


def refused(status: int) -> Answer:
    def answer(exchange: Any) -> None:
        exchange.send_response(status, "Evil\x1b")
        exchange.send_header("Location", "http://169.254.169.254/latest")
        exchange.send_header("Content-Length", "0")
        exchange.end_headers()

    return answer


@pytest.mark.parametrize(
    ("status", "kind"),
    [(301, BucketError), (302, BucketError), (401, BucketDenied), (403, BucketDenied), (503, BucketUnreachable)],
)
def test_other_answers_are_errors(bucket: WebBucket, site: Site, status: int, kind: type[BucketError]) -> None:
    site.answer = refused(status)
    for call in (lambda: read(bucket, "a"), lambda: bucket.stat("a")):
        with pytest.raises(kind, match=f"the server said {status}") as raised:
            call()
        assert "team.url" in raised.value.hint, "what to do about it"
    assert {path for _, path in site.asked} == {"/art/a"}, "a redirect was followed"


def test_more_bytes_than_allowed_are_not_taken(bucket: WebBucket) -> None:
    with pytest.raises(BucketError, match="larger than 4 bytes"):
        read(bucket, "objects/ab/x", most=4)


def test_half_a_body_is_no_object(bucket: WebBucket, site: Site) -> None:
    def half(exchange: Any) -> None:
        exchange.send_response(200)
        exchange.send_header("Content-Length", "10")
        exchange.end_headers()
        exchange.wfile.write(b"half")
        exchange.close_connection = True

    site.answer = half
    with pytest.raises(BucketUnreachable, match="the answer was cut off"):
        read(bucket, "a")


def test_a_server_that_is_not_there() -> None:
    bucket = WebBucket(StoreUrl("http", "127.0.0.1:1", ""), BucketTimeouts(connect=1, idle=1))
    with pytest.raises(BucketUnreachable, match="no connection"):
        bucket.stat("a")


@pytest.mark.parametrize("size", ["", "-1", "x", "9" * 30])
def test_a_size_that_is_none_is_refused(bucket: WebBucket, site: Site, size: str) -> None:
    def sized(exchange: Any) -> None:
        exchange.send_response(200)
        if size:
            exchange.send_header("Content-Length", size)
        exchange.end_headers()
        exchange.close_connection = True

    site.answer = sized
    with pytest.raises(BucketError):
        bucket.stat("a")


@pytest.mark.parametrize("name", ["../a", "a?b", "", "a//b", "http://other/"])
def test_no_name_asks_for_something_else(bucket: WebBucket, site: Site, name: str) -> None:
    with pytest.raises(ValueError, match="not a name"):
        bucket.stat(name)
    assert site.asked == []


def test_a_time_outside_of_all_years_is_unknown(bucket: WebBucket, site: Site) -> None:
    def answer(exchange: BaseHTTPRequestHandler) -> None:
        exchange.send_response(200)
        exchange.send_header("Content-Length", "5")
        exchange.send_header("Last-Modified", "Fri, 31 Dec 9999 23:59:59 -2300")
        exchange.end_headers()

    site.answer = answer
    found = bucket.stat("objects/ab/x")
    assert found is not None
    assert found.modified.year == 1970


def test_a_server_that_drips_is_not_waited_for_for_ever(site: Site) -> None:
    over = threading.Event()

    def answer(exchange: BaseHTTPRequestHandler) -> None:
        exchange.send_response(200)
        exchange.send_header("Content-Length", "1000000")
        exchange.end_headers()
        with suppress(OSError):
            while not over.wait(0.02):
                exchange.wfile.write(b"x")

    site.answer = answer
    try:
        with pytest.raises(BucketUnreachable, match="it did not answer in time"):
            read(WebBucket(StoreUrl("http", site.url, "art"), BucketTimeouts(connect=2, idle=5, total=0.2)), "a")
    finally:
        over.set()
