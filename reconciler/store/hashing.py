"""Hash many files beside our own work: in a process of its own, since Python's threads would wait for one another."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from reconciler.core.digest import ContentHash, content_of_hex
from reconciler.store import disk

_WORTH = 32 * 1024 * 1024
"""Bytes. Less is hashed in the time that a fork and its pipe take."""
_DIGEST = 32
_UNREAD = bytes(_DIGEST)


class HashingChild:
    """The hashes of some files, being worked out. Must be started before any thread is."""

    def __init__(self, files: Sequence[str]) -> None:
        self._files = files
        self._read, write = os.pipe()
        self._pid = os.fork()
        if not self._pid:
            _child(files, write)
        os.close(write)

    def results(self) -> dict[str, ContentHash]:
        """Every file's content, as far as it could be read. Waits for the child."""
        with open(self._read, "rb") as pipe:
            digests = pipe.read()
        os.waitpid(self._pid, 0)
        found = {}
        for number, file in enumerate(self._files):
            digest = digests[number * _DIGEST : number * _DIGEST + _DIGEST]
            if len(digest) == _DIGEST and digest != _UNREAD:
                found[file] = content_of_hex(digest.hex())
        return found


def start(files: Sequence[str], sizes: Sequence[int]) -> HashingChild | None:
    """A child at work on these files, or None where that is not worth it, or cannot be."""
    if sum(sizes) < _WORTH or not hasattr(os, "fork"):
        return None
    try:
        return HashingChild(files)
    except OSError:
        return None


def _child(files: Sequence[str], write: int) -> None:
    """Hash, answer, and leave without running anything that the parent has set up for its own end."""
    status = 1
    try:
        with ThreadPoolExecutor(os.cpu_count()) as pool, open(write, "wb", closefd=False) as pipe:
            pipe.writelines(pool.map(_digest, files))
        status = 0
    finally:
        os._exit(status)


def _digest(file: str) -> bytes:
    try:
        fd = os.open(file, os.O_RDONLY)
        try:
            digest = hashlib.sha256()
            while piece := os.read(fd, disk.CHUNK):
                digest.update(piece)
            return digest.digest()
        finally:
            os.close(fd)
    except OSError:
        return _UNREAD
