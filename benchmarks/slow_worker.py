"""A worker for `type: command` that takes a fixed time for each image: `python -m benchmarks.slow_worker SECONDS`.

With `--bare COUNT` it makes so many images itself, in the same way, and answers nobody: what a worker can do at most.
"""

from __future__ import annotations

import json
import os
import struct
import sys
import tempfile
import time
import zlib
from pathlib import Path

SIDE = 512


def image(number: int) -> bytes:
    """A PNG of noise, of another colour for each number."""
    row = b"\0" + bytes((number * 31 + x) % 256 for x in range(3 * SIDE))
    header = struct.pack(">IIBBBBB", SIDE, SIDE, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(row * SIDE, 1)), (b"IEND", b""))
    parts = (struct.pack(">I", len(d)) + kind + d + struct.pack(">I", zlib.crc32(kind + d)) for kind, d in chunks)
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def draw(path: Path, number: int, seconds: float) -> None:
    """One image: the time of a model, then the file."""
    time.sleep(seconds)
    path.write_bytes(image(number))


def main(seconds: float, bare: int) -> None:
    if bare:
        with tempfile.TemporaryDirectory() as folder:
            for number in range(bare):
                draw(Path(folder) / str(number), number, seconds)
        return
    for line in sys.stdin:
        asked = json.loads(line)
        if "hello" in asked:
            answer: dict[str, object] = {"v": 1, "ready": {"name": "slow"}}
        elif "stop" in asked:
            break
        else:
            draw(Path(asked["out"]), asked["seed"], seconds)
            answer = {"id": asked["id"], "done": {}}
        os.write(1, json.dumps(answer).encode() + b"\n")


if __name__ == "__main__":
    main(float(sys.argv[1]), int(sys.argv[3]) if sys.argv[2:3] == ["--bare"] else 0)
