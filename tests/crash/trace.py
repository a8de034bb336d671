"""Read what the killer recorded: one value per syscall that changed, synced or sent something."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Call:
    """One syscall that returned. `entered` and `left` are ticks of one clock over all threads.

    Paths are absolute; `inode` is that of the descriptor, or of what the (new) name leads to afterwards.
    `watched` is the size that the watched file had at entry. `data` was written at offset `at`.
    """

    name: str
    entered: int
    left: int
    result: int
    path: str
    other: str
    args: tuple[int, ...]
    inode: int
    mode: int
    watched: int
    at: int
    data: bytes


def load(trace: Path) -> tuple[Call, ...]:
    """The calls in the order in which they returned. Failed calls are left out: they changed nothing."""
    written = trace.with_name(trace.name + ".data").read_bytes()
    lines = (json.loads(line) for line in trace.read_text().splitlines())
    return tuple(
        Call(
            name=line["call"],
            entered=line["in"],
            left=line["out"],
            result=line["ret"],
            path=_path(line["path"]),
            other=_path(line.get("path2", "")),
            args=tuple(line["args"]),
            inode=line.get("inode", 0),
            mode=line.get("mode", 0),
            watched=line["watched"],
            at=line.get("at", 0),
            data=written[line["data"] : line["data"] + line["ret"]] if "data" in line else b"",
        )
        for line in lines
        if line["ret"] >= 0
    )


def _path(text: str) -> str:
    return os.fsdecode(text.encode("latin-1"))
