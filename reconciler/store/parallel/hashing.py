"""Hash many files beside our own work, on all cores."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Mapping, Sequence

from reconciler.core.digest import ContentHash, content_of_hex
from reconciler.store.index.snapshot import Signature, signature
from reconciler.store.parallel.process_pool import MAX_PIECES, start_pool

_WORTH = 32 * 1024 * 1024
"""Bytes. Less is hashed in the time that it takes to share the work."""
_BUFFER = 1 << 17
"""Bytes that are read at once: they are still in the core's cache when they are hashed."""
_Hashed = tuple[Signature, str] | None
"""How a file looked and the hex digits of what it held; None for what is left to who looks at it more closely."""


class Hashing:
    """The hashes of some files, by their paths below the root, being worked out. Must be started before any thread."""

    def __init__(self, root: str, files: Sequence[str]) -> None:
        self._root = root
        self._files = files
        self._step = len(files) // MAX_PIECES + 8
        self._buffer = memoryview(bytearray(_BUFFER))
        self._pool = start_pool(self._hashes, -(-len(files) // self._step))

    def results(self) -> dict[str, tuple[Signature, ContentHash]]:
        """How every plain file looked before it was read and what it held, as far as it could be. Waits for all."""
        found = {}
        pieces: dict[int, list[_Hashed]] = self._pool.results() if self._pool is not None else {}
        for piece, hashes in pieces.items():
            for file, hashed in zip(self._piece(piece), hashes, strict=True):
                if hashed is not None:
                    found[file] = (hashed[0], content_of_hex(hashed[1]))
        return found

    def _piece(self, number: int) -> Sequence[str]:
        return self._files[number * self._step : number * self._step + self._step]

    def _hashes(self, number: int) -> list[_Hashed]:
        return [self._hash(file) for file in self._piece(number)]

    def _hash(self, file: str) -> _Hashed:
        try:
            fd = os.open(f"{self._root}/{file}", os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
            try:
                seen = os.fstat(fd)
                if not stat.S_ISREG(seen.st_mode):
                    return None
                digest = hashlib.sha256()
                while length := os.readv(fd, (self._buffer,)):
                    digest.update(self._buffer[:length])
                return signature(seen), digest.hexdigest()
            finally:
                os.close(fd)
        except OSError:
            return None


def start_hashing(root: str, sizes: Mapping[str, int]) -> Hashing | None:
    """The hashing of these files begun, or None where it is not worth it, going by how large they may be."""
    return Hashing(root, tuple(sizes)) if sum(sizes.values()) >= _WORTH else None
