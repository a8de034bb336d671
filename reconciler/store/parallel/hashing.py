"""Hash many files on all cores while this process does something else."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Mapping, Sequence

from reconciler.core.digest import ContentHash, content_of_hex
from reconciler.core.images.magic import HEAD, begins_as_image
from reconciler.store.index.snapshot import Signature, signature
from reconciler.store.parallel.process_pool import MAX_PIECES, start_pool

_WORTH = 32 * 1024 * 1024
"""Bytes. Fewer are hashed in the time that it takes to start helpers."""
_BUFFER = 1 << 17
"""Bytes per read: they are still in the cache of the core when they are hashed."""
_Hashed = tuple[Signature, str, bool] | None
"""The signature and the hash (hex) of a file, and whether it begins as an image; None for a file that the caller has to
examine."""


class Hashing:
    """The hashes of some files, by path below the root, while helpers compute them. Started before any thread."""

    def __init__(self, root: str, files: Sequence[str]) -> None:
        self._root = root
        self._files = files
        self._step = len(files) // MAX_PIECES + 8
        self._buffer = memoryview(bytearray(_BUFFER))
        self._pool = start_pool(self._hashes, -(-len(files) // self._step))

    def results(self) -> dict[str, tuple[Signature, ContentHash, bool]]:
        """The signature, taken before the read, and the hash of every readable plain file, and whether it begins as an
        image. Waits for the helpers."""
        found = {}
        pieces: dict[int, list[_Hashed]] = self._pool.results() if self._pool is not None else {}
        for piece, hashes in pieces.items():
            for file, hashed in zip(self._piece(piece), hashes, strict=True):
                if hashed is not None:
                    found[file] = (hashed[0], content_of_hex(hashed[1]), hashed[2])
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
                length = os.readv(fd, (self._buffer,))
                is_image = begins_as_image(bytes(self._buffer[: min(length, HEAD)]))
                digest = hashlib.sha256()
                while length:
                    digest.update(self._buffer[:length])
                    length = os.readv(fd, (self._buffer,))
                return signature(seen), digest.hexdigest(), is_image
            finally:
                os.close(fd)
        except OSError:
            return None


def start_hashing(root: str, sizes: Mapping[str, int]) -> Hashing | None:
    """Start to hash these files, or None if they are too small in total. `sizes` in bytes by path."""
    return Hashing(root, tuple(sizes)) if sum(sizes.values()) >= _WORTH else None
