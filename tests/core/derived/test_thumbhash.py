"""The hashes are those of npm's `thumbhash` 0.1.1, recorded beside this file."""

from __future__ import annotations

import base64
import json
import time
from pathlib import Path
from typing import Any

import pytest

from reconciler.core.derived.thumbhash import MOST_SIDE, mean_colour, thumbhash

RECORDED = json.loads(Path(__file__).with_name("thumbhash-0.1.1.json").read_text("utf-8"))


def pixels(width: int, height: int, kind: int) -> bytes:
    """A gradient, noise, a disc on nothing, grey, and nothing; as they were drawn for the record."""
    state = width * 7919 + height * 104729 + kind
    data = bytearray()

    def noise() -> int:
        nonlocal state
        state = (state * 1103515245 + 12345) % (1 << 32)
        return state >> 24

    for y in range(height):
        for x in range(width):
            red, green = 255 * x // max(1, width - 1), 255 * y // max(1, height - 1)
            inside = (x - width / 2) ** 2 + (y - height / 2) ** 2 < (min(width, height) / 2.5) ** 2
            if kind == 0:
                data += bytes([red, green, 128, 255])
            elif kind == 1:
                data += bytes([noise() for _ in range(4)])
            elif kind == 2:
                data += bytes([200, green, 40, 255 if inside else 0])
            else:
                data += bytes([17, 17, 17, 255 if kind == 3 else 0])
    return bytes(data)


def steps(data: bytes) -> list[int]:
    """The varying terms, from 0 to 15 each."""
    head = 6 if data[2] & 0x80 else 5
    return [half for byte in data[head:] for half in (byte & 15, byte >> 4)]


@pytest.mark.parametrize("case", RECORDED, ids=lambda case: "-".join(map(str, case[:3])))
def test_the_recorded_hashes(case: list[Any]) -> None:
    """A term that is 0 lies between two steps: the last bit of a cosine, which is the platform's, decides."""
    width, height, kind, recorded = case
    found, wanted = thumbhash(width, height, pixels(width, height, kind)), base64.b64decode(recorded)
    assert (found[:5], len(found)) == (wanted[:5], len(wanted))
    if kind != 3:  # a flat picture: all its terms are rounding errors
        near = [abs(one - other) for one, other in zip(steps(found), steps(wanted), strict=True)]
        assert max(near) <= (kind == 0), "noise and discs: equal"


def test_there_is_a_record_of_every_kind() -> None:
    assert len(RECORDED) == 35


def test_the_largest_takes_no_time() -> None:
    data = pixels(MOST_SIDE, MOST_SIDE, 1)
    began = time.process_time()
    thumbhash(MOST_SIDE, MOST_SIDE, data)
    assert time.process_time() - began < 0.5


def test_the_mean_is_of_what_is_seen() -> None:
    assert mean_colour(bytes([200, 100, 0, 255, 0, 0, 0, 0])) == "#c86400"
    assert mean_colour(bytes([255, 255, 255, 255, 0, 0, 0, 255])) == "#808080"
    assert mean_colour(bytes(8)) == "#000000"
