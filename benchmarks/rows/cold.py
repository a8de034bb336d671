"""A fresh clone: no index, every spec is parsed and every output hashed."""

from __future__ import annotations

from benchmarks.places import PYTHON, REPOSITORY
from benchmarks.projects import project
from benchmarks.rows import ours
from benchmarks.table import Claim, Row, ratio
from benchmarks.timing import Contestant, interleaved

ASSETS, BYTES = 10_000, 200_000
WAYS = ("in-turn", "threads", "shares")


def cold() -> Row:
    """Beside the least that must be done; of several arrangements of that, the quickest counts."""
    root = project(ASSETS, size=BYTES)

    def floor(way: str, depth: str) -> Contestant:
        command = (PYTHON, "-m", "benchmarks.floor", way, depth, str(root))
        return Contestant(f"floor: {depth}, {way}", command, REPOSITORY)

    everyone = [ours.cold_check(root), *(floor(way, "events") for way in WAYS), floor("shares", "raw")]
    check, *floors, raw = interleaved(everyone, runs=7)
    best = min(floors, key=lambda one: one.wall)
    claims = (
        ratio("check / (libyaml's events + SHA-256, best arrangement)", check, best, 1.5),
        Claim("check / (libyaml without Python objects + SHA-256)", check.wall / raw.wall, kind="told"),
        Claim("the same by CPU time", check.cpu / best.cpu, kind="told"),
    )
    notes = ("2 GB of outputs; with a cold page cache the disk decides, and the ratio can only fall",)
    title = "`check`, cold: 10,000 specs and 10,000 outputs of 200 KB, no index"
    return Row(title, (check, *floors, raw), claims, notes)
