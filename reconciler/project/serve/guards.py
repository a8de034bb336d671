"""Decide which requests a server on this machine answers. Pure.

Every page in a browser of this machine, and every user of it, can reach a port on loopback. So a request must name this
server as its host (a rebound name does not), begin with a secret path, and, to change anything, come from this page.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping

from reconciler.core.value import value

MOST_BODY = 64 << 10
"""The most bytes of a request's body."""
_NAMES = ("127.0.0.1", "localhost")


@value
class ServedAt:
    """The port of a server, and the secret first part of its paths. `launch` is another one that is valid once: other
    users can read it in the arguments of the browser's process."""

    port: int
    secret: str
    launch: str = ""

    @property
    def address(self) -> str:
        """The address of the page."""
        return f"http://{_NAMES[0]}:{self.port}/{self.secret}/"

    @property
    def launch_address(self) -> str:
        """The address that a browser is started with."""
        return f"http://{_NAMES[0]}:{self.port}/{self.launch}/"


@value
class ServerRequest:
    """A request: its method, its path with the query, and its headers by their names in lower case."""

    method: str
    target: str
    headers: Mapping[str, str]


@value
class Denied:
    """The status with which a request is refused, and the reason."""

    status: int
    fact: str
    hint: str = ""


@value
class Admitted:
    """A request that is answered: the path below the secret, and the bytes of its body."""

    path: str
    length: int = 0


@value
class Launched:
    """The first request of a browser that was started here: it is sent on to the page."""


def admit(asked: ServerRequest, at: ServedAt) -> Admitted | Launched | Denied:
    """Whether a request is answered. Read it top to bottom."""
    host = asked.headers.get("host", "")
    if host not in {f"{name}:{at.port}" for name in _NAMES}:
        return Denied(421, "this server has another name")
    first, slash, path = asked.target.removeprefix("/").partition("/")
    if not slash or not asked.target.startswith("/"):
        return Denied(404, "there is nothing here")
    if at.launch and asked.method == "GET" and not path and _same(first, at.launch):
        return Launched()
    if not _same(first, at.secret):
        return Denied(404, "there is nothing here")
    if asked.method in ("GET", "HEAD"):
        return Admitted(path)
    if asked.method != "POST":
        return Denied(405, "the method is neither GET nor POST")
    if asked.headers.get("origin", "") != f"http://{host}":
        return Denied(403, "the request comes from another page")
    if asked.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        return Denied(415, "the body is not application/json")
    length = asked.headers.get("content-length", "")
    if "transfer-encoding" in asked.headers or not (length.isascii() and length.isdigit()):
        return Denied(411, "the request does not say how long its body is")
    if len(length) > 8 or int(length) > MOST_BODY:
        return Denied(413, f"the body has more than {MOST_BODY >> 10} KiB")
    return Admitted(path, int(length))


def _same(given: str, secret: str) -> bool:
    return hmac.compare_digest(given.encode("utf-8", "replace"), secret.encode())
