"""Read the address of the team's store strictly: it stands in a file that a pull request can change."""

from __future__ import annotations

import re

from reconciler.core.value import value

# Strict on purpose: everything else is refused, so no other URL parser can find another host in it.
_PART = r"[A-Za-z0-9_~+@=-][A-Za-z0-9._~+@=-]*"
_PATH = rf"((?:/{_PART})*)/?"
_CLOUD = re.compile(rf"(s3|gs|az)://([a-z0-9][a-z0-9._-]{{1,61}}[a-z0-9]){_PATH}")
_WEB = re.compile(rf"(https?)://([a-z0-9.-]+|\[[0-9a-f:.]+\])(:[0-9]{{1,5}})?{_PATH}")
_FILE = re.compile(r"file://((?:/[^/\s,%?#\\\x00-\x1f\x7f]+)+)/?")
_PRIVATE_NAMES = (".internal", ".local", ".lan", ".home.arpa", ".localhost", ".")
_LOOPBACK = ("localhost", "127.0.0.1", "[::1]")
_LONGEST = 400
_HINT = "write s3://bucket/path, gs://bucket/path, az://container/path, file:///path or https://host/path"


@value
class StoreUrl:
    """The address of a store: `place` is a bucket, or a host with its port; `path` has no slash at either end.

    `file` has an absolute path, here without its first slash.
    """

    scheme: str
    place: str
    path: str

    def __str__(self) -> str:
        return f"{self.scheme}://{self.place}/{self.path}".rstrip("/")

    @property
    def is_web(self) -> bool:
        """Whether it is a web server, which can be read and not written."""
        return self.scheme in ("https", "http")

    @property
    def is_public_web(self) -> bool:
        """Whether anybody may be asked to read it: https, and no server of a private network by its name."""
        host = self.place.partition(":")[0]
        private = host.endswith(_PRIVATE_NAMES) or "." not in host or host.rpartition(".")[2].isdigit()
        return self.scheme == "https" and not private

    @property
    def is_file(self) -> bool:
        """Whether it is a directory."""
        return self.scheme == "file"


@value
class BadStoreUrl:
    """The reason that an address cannot be used."""

    fact: str
    hint: str = _HINT


def parse_store_url(text: str) -> StoreUrl | BadStoreUrl:
    """The address in its one spelling: no user, query, fragment or escape in it, no `.` and no hidden folder."""
    if len(text) > _LONGEST:
        return BadStoreUrl(f"is longer than {_LONGEST} characters")
    if found := _FILE.fullmatch(text):
        if any(part in (".", "..") for part in found[1].split("/")):
            return BadStoreUrl("has a part . or ..", "write the path without it")
        return StoreUrl("file", "", found[1][1:])
    if found := _CLOUD.fullmatch(text):
        return StoreUrl(found[1], found[2], found[3][1:])
    if (found := _WEB.fullmatch(text)) is None:
        return BadStoreUrl("is not an address of a store")
    scheme, host, port, path = found.groups()
    if port and not 0 < int(port[1:]) < 65536:
        return BadStoreUrl(f"has no port {port[1:]}")
    if scheme == "http" and host not in _LOOPBACK:
        return BadStoreUrl("is not encrypted", "write https://")
    return StoreUrl(scheme, f"{host}{port or ''}", path[1:])
