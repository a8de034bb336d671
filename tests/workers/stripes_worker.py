"""A worker for `type: command` that needs nothing but Python: stripes in colours of the seed, as a PNG.

`--mood NAME` makes it misbehave, once it has drawn `--after N` images.
"""

import argparse
import json
import os
import random
import struct
import sys
import time
import zlib
from pathlib import Path


def png(width: int, height: int, seed: int) -> bytes:
    """Stripes of 8 pixels as a PNG file."""
    chance = random.Random(seed)
    colours = [bytes(chance.randrange(256) for _ in range(3)) for _ in range(2)]
    row = b"\0" + b"".join(colours[x // 8 % 2] for x in range(width))
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(row * height)), (b"IEND", b""))
    parts = (
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def say(message: dict[str, object]) -> None:
    """One line of the protocol."""
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


def misbehave(mood: str, asked: dict[str, str]) -> bool:
    """Whether the request is answered, or left, in this mood."""
    if mood == "die":
        sys.stderr.write("CUDA out of memory\n")
        os._exit(7)
    if mood == "hang":
        time.sleep(600)
    if mood == "junk":
        sys.stdout.write("loading 100%|#####|\n{not json\n[1, 2]\n\x1b[31mred\n")
        say({"id": "another", "done": {}})
    if mood == "flood":
        while True:
            sys.stdout.write("x" * 65_536)
    if mood == "link":
        Path(asked["out"]).unlink()
        Path(asked["out"]).symlink_to("/etc/hostname")
    answers: dict[str, dict[str, object]] = {
        "refuse": {"refused": "no\x1b[2J swords"},
        "fail": {"failed": "out of memory"},
        "neither": {},
    }
    empty = {"empty": b"", "text": b"no picture", "small": png(200, 100, 1)}
    if mood in empty:
        Path(asked["out"]).write_bytes(empty[mood])
    answer: dict[str, object] | None = answers.get(mood, {"done": {}} if mood in empty or mood == "link" else None)
    if answer is not None:
        say({"id": asked["id"], **answer})
    return answer is not None


def main() -> None:
    """Answer until there is no more input."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--mood", default="")
    parser.add_argument("--after", type=int, default=0)
    parser.add_argument("--log", default="")
    parser.add_argument("--salt", default="", help="A file: another content gives other images.")
    given = parser.parse_args()
    drawn = 0
    for line in sys.stdin:
        asked = json.loads(line)
        if given.log:
            with Path(given.log).open("a") as log:
                log.write(line)
        if "hello" in asked:
            say({"v": 1, "ready": {"name": "stripes", "models": ["stripes-1", ""]}})
        elif "stop" in asked:
            break
        elif drawn < given.after or not misbehave(given.mood, asked):
            drawn += 1
            salt = zlib.crc32(Path(given.salt).read_bytes()) if given.salt else 0
            Path(asked["out"]).write_bytes(png(asked["width"], asked["height"], asked["seed"] ^ salt))
            say({"id": asked["id"], "done": {}})


if __name__ == "__main__":
    main()
