"""A path as part of a URI."""

from __future__ import annotations

_PLAIN = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~/")


def uri_path(path: str) -> str:
    """A relative path as a URI reference."""
    return "".join(chr(byte) if byte in _PLAIN else f"%{byte:02X}" for byte in path_bytes(path))


def path_bytes(path: str) -> bytes:
    """The bytes of a path, also of one that no file system has."""
    try:
        return path.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return path.encode("utf-8", "surrogatepass")
