"""The files of batches in `.reconciler/batches/`: the requests as they were sent, their recipes, and the results."""

from __future__ import annotations

import hashlib
import io
import os
import re
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from typing import IO

from reconciler.store import disk

RECIPE_BYTES = 64 << 20
"""The most bytes of the recipes of one batch."""
_NAME = re.compile(r"([0-9a-f]{32})(\.jsonl|\.recipes|-[0-9a-f]{16}\.results)")
_BUFFER = 1 << 20


class BatchFiles:
    """The files of all batches of one project. A batch is named by 32 hex digits."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def write(self, batch: str, requests: Iterable[bytes], recipes: bytes) -> tuple[Path, str]:
        """Keep the requests and the recipes of a batch, durably. The file of the requests, and its SHA-256."""
        disk.make_dirs(self._folder)
        digest = hashlib.sha256()

        def hashed() -> Iterator[bytes]:
            for chunk in requests:
                digest.update(chunk)
                yield chunk

        disk.write_atomic(self._path(batch, ".recipes"), recipes)
        path = self._path(batch, ".jsonl")
        with (
            disk.naming_errors("write", path),
            disk.opened(self._folder, os.O_RDONLY | os.O_DIRECTORY) as folder,
            disk.written(folder, path.name, hashed()) as temp,
        ):
            disk.replace_name(folder, temp, path.name)
        return path, digest.hexdigest()

    def recipes(self, batch: str) -> bytes:
        """The recipes of a batch; b"" if they are gone."""
        try:
            return disk.plain_bytes(self._path(batch, ".recipes"), most=RECIPE_BYTES)
        except FileNotFoundError:
            return b""

    def results(self, batch: str, file: str) -> tuple[Path, IO[bytes]]:
        """A file for results that the provider knows by this id, open at the end of what has come of it."""
        disk.make_dirs(self._folder)
        path = self._results(batch, file)
        with disk.naming_errors("open", path):
            stream = io.BufferedRandom(io.FileIO(path, "rb+", opener=_new_or_known), _BUFFER)
            stream.seek(0, os.SEEK_END)
        return path, stream

    def drop_results(self, batch: str, file: str) -> None:
        """Forget what has come, so that the next download begins anew."""
        disk.remove(self._results(batch, file))

    def keep_only(self, batches: Collection[str]) -> None:
        """Delete the files of all other batches: they are closed, or were never begun."""
        try:
            names = sorted(os.listdir(self._folder))
        except OSError:
            return
        for name in names:
            known = _NAME.fullmatch(name)
            if known is not None and known[1] not in batches:
                disk.remove(self._folder / name)
        for temp in disk.temps(self._folder):
            disk.remove(temp)

    def _results(self, batch: str, file: str) -> Path:
        return self._path(batch, f"-{hashlib.sha256(file.encode('utf-8', 'replace')).hexdigest()[:16]}.results")

    def _path(self, batch: str, suffix: str) -> Path:
        name = f"{batch}{suffix}"
        if not _NAME.fullmatch(name):
            raise ValueError(f"not a batch: {batch!r}")
        return self._folder / name


def _new_or_known(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666)
