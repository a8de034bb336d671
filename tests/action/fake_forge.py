"""A fake of the comments of GitHub and of the notes and uploads of GitLab, on loopback."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any


class Forge:
    """`comments` are those of the pull request; `calls` the requests that changed something."""

    def __init__(self, *, writable: bool = True) -> None:
        self.comments: list[dict[str, Any]] = []
        self.calls: list[str] = []
        self.writable = writable
        self.url = ""

    def answer(self, method: str, path: str, body: dict[str, Any], *, who: str) -> tuple[int, Any]:
        if not who:
            return 401, {}
        if method == "GET":
            asked = re.search(r"[?&]page=(\d+)", path)
            page = int(asked[1]) if asked else 1
            return 200, self.comments[100 * (page - 1) : 100 * page]
        self.calls.append("UPLOAD" if path.endswith("/uploads") else method)
        if not self.writable:
            return 403, {"message": "Resource not accessible by integration"}
        if path.endswith("/uploads"):
            return 201, {"markdown": "![image](/uploads/1/image.png)"}
        if method == "POST":
            number = len(self.comments) + 1
            user = {"type": "Bot", "username": "project_bot", "bot": True}
            self.comments.append({"id": number, "body": body["body"], "user": user, "author": user})
            return 201, self.comments[-1]
        number = int(path.partition("?")[0].rpartition("/")[2])
        self.comments[number - 1]["body"] = body["body"]
        return 200, self.comments[number - 1]


@contextmanager
def forge(*, writable: bool = True) -> Iterator[Forge]:
    """A running fake."""
    fake = Forge(writable=writable)

    class Handler(BaseHTTPRequestHandler):
        def _serve(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            who = self.headers.get("Authorization", "") or self.headers.get("PRIVATE-TOKEN", "")
            code, answer = fake.answer(self.command, self.path, json.loads(body) if body[:1] == b"{" else {}, who=who)
            data = json.dumps(answer).encode()
            self.send_response(code)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = do_PATCH = do_PUT = _serve

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name of the base class
            """Nothing: the test reads `calls`."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    fake.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield fake
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
