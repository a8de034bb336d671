"""Hash many files beside our own work, on all cores."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence

from reconciler.core.digest import ContentHash, content_of_hex
from reconciler.store.crew import MOST, Crew, at_work

_WORTH = 32 * 1024 * 1024
"""Bytes. Less is hashed in the time that it takes to share the work."""
_BUFFER = 1 << 17
"""Bytes that are read at once: they are still in the core's cache when they are hashed."""
_DIGEST = 32
_UNREAD = bytes(_DIGEST)


class Hashing:
    """The hashes of some files, being worked out. Must be started before any thread is."""

    def __init__(self, files: Sequence[str]) -> None:
        self._files = files
        self._step = len(files) // MOST + 8
        self._buffer = memoryview(bytearray(_BUFFER))
        self._crew: Crew[bytes] | None = at_work(self._digests, -(-len(files) // self._step))

    def results(self) -> dict[str, ContentHash]:
        """Every file's content, as far as it could be read. Waits for all."""
        found = {}
        for piece, digests in (self._crew.results() if self._crew is not None else {}).items():
            for number, file in enumerate(self._piece(piece)):
                digest = digests[number * _DIGEST : number * _DIGEST + _DIGEST]
                if digest != _UNREAD:
                    found[file] = content_of_hex(digest.hex())
        return found

    def _piece(self, number: int) -> Sequence[str]:
        return self._files[number * self._step : number * self._step + self._step]

    def _digests(self, number: int) -> bytes:
        return b"".join(map(self._digest, self._piece(number)))

    def _digest(self, file: str) -> bytes:
        try:
            fd = os.open(file, os.O_RDONLY | os.O_CLOEXEC)
            try:
                digest = hashlib.sha256()
                while length := os.readv(fd, (self._buffer,)):
                    digest.update(self._buffer[:length])
                return digest.digest()
            finally:
                os.close(fd)
        except OSError:
            return _UNREAD


def start(files: Sequence[str], sizes: Sequence[int]) -> Hashing | None:
    """The hashing of these files begun, or None where that is not worth it."""
    return Hashing(files) if sum(sizes) >= _WORTH else None
