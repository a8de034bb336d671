"""The least that a cold check must do, and nothing else: libyaml over every spec, SHA-256 over every output.

`python -m benchmarks.floor ARRANGEMENT DEPTH ROOT`. ARRANGEMENT: how the work is spread over all cores (see WAYS).
DEPTH: `events` drains PyYAML's event parser, `raw` lets libyaml parse without making one Python object.
"""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from multiprocessing import get_context

from yaml._yaml import CParser

_CORES = os.cpu_count() or 1
_PIECE = 1 << 20


def _files(top: str) -> list[str]:
    found: list[str] = []
    pending = [top]
    while pending:
        with os.scandir(pending.pop()) as entries:
            for entry in entries:
                (pending if entry.is_dir(follow_symlinks=False) else found).append(entry.path)
    return found


def _read(path: str) -> bytes:
    fd = os.open(path, os.O_RDONLY)
    try:
        return os.read(fd, _PIECE)
    finally:
        os.close(fd)


def events(paths: Sequence[str]) -> None:
    """Every event of every file, made and dropped."""
    for path in paths:
        parser = CParser(_read(path))
        while parser.get_event() is not None:
            pass


def raw(paths: Sequence[str]) -> None:
    """libyaml alone: the events stay in C."""
    for path in paths:
        CParser(_read(path)).raw_parse()


def _hash(paths: Sequence[str]) -> None:
    for path in paths:
        with open(path, "rb", buffering=0) as stream:
            hashlib.file_digest(stream, "sha256").digest()


def _parts(paths: Sequence[str], count: int) -> list[Sequence[str]]:
    return [paths[at::count] for at in range(count)]


def _in_processes(work: Callable[[Sequence[str]], None], paths: Sequence[str]) -> None:
    with get_context("fork").Pool(_CORES) as pool:
        pool.map(work, _parts(paths, _CORES * 4), chunksize=1)


def _in_threads(paths: Sequence[str]) -> None:
    with ThreadPoolExecutor(_CORES) as pool:
        list(pool.map(_hash, _parts(paths, _CORES * 4)))


def _one_after_the_other(parse: Callable[[Sequence[str]], None], specs: list[str], outputs: list[str]) -> None:
    """Processes parse, then threads hash."""
    _in_processes(parse, specs)
    _in_threads(outputs)


def _here_then_threads(parse: Callable[[Sequence[str]], None], specs: list[str], outputs: list[str]) -> None:
    """No process is started: one core parses while threads hash on what is left of the others."""
    with ThreadPoolExecutor(_CORES) as pool:
        hashed = pool.map(_hash, _parts(outputs, _CORES * 4))
        parse(specs)
        list(hashed)


def _both(part: tuple[Callable[[Sequence[str]], None], Sequence[str], Sequence[str]]) -> None:
    parse, specs, outputs = part
    parse(specs)
    _hash(outputs)


def _each_its_share(parse: Callable[[Sequence[str]], None], specs: list[str], outputs: list[str]) -> None:
    """Each process parses and hashes its share."""
    shares = zip(_parts(specs, _CORES * 4), _parts(outputs, _CORES * 4), strict=True)
    with get_context("fork").Pool(_CORES) as pool:
        pool.map(_both, [(parse, *share) for share in shares], chunksize=1)


WAYS = {"in-turn": _one_after_the_other, "threads": _here_then_threads, "shares": _each_its_share}

if __name__ == "__main__":
    way, depth, root = sys.argv[1:]
    WAYS[way]({"events": events, "raw": raw}[depth], _files(f"{root}/specs"), _files(f"{root}/assets"))
