"""Read Git LFS pointers: the small text files that stand for large files which are elsewhere."""

from __future__ import annotations

import re

from reconciler.core.digest import ContentHash, content_of_hex

LFS_POINTER_LIMIT = 200
"""Bytes. A Git LFS pointer is about 130 bytes long; a picture never is."""
_LFS_POINTER = re.compile(
    rb"version https://git-lfs\.github\.com/spec/v1\r?\n(?:[a-z0-9.-]+ [^\n]*\n)*?"
    rb"oid sha256:([0-9a-f]{64})\r?\nsize [0-9]+\r?\n"
)


def lfs_oid(data: bytes) -> ContentHash | None:
    """The content that a Git LFS pointer names; None if the bytes are no pointer."""
    match = _LFS_POINTER.match(data) if len(data) <= LFS_POINTER_LIMIT else None
    return content_of_hex(match[1].decode("ascii")) if match else None
