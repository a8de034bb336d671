"""How work grows with the project: the exponent of a least-squares fit on logarithms; 1 is linear."""

from __future__ import annotations

import statistics
import subprocess
from collections.abc import Callable, Sequence

from benchmarks.places import PYTHON, REPOSITORY
from benchmarks.projects import project
from benchmarks.rows import ours
from benchmarks.table import Claim, Row
from benchmarks.timing import Contestant, Failed, Figure, exponent, interleaved

BOUND = 1.1


def growth(sizes: Sequence[int], *, cold: Sequence[int], runs: int) -> Row:
    """Warm and cold `check`, `plan` with one change, and saving the lockfile."""
    figures: list[Figure] = []
    claims = []
    for what, prepared, ladder, times in (
        ("check, warm", lambda name, assets: ours.warm_check(project(assets), name=name), sizes, runs),
        ("check, cold", lambda name, assets: ours.cold_check(project(assets), name=name), cold, 3),
        ("plan, 1 change", lambda name, assets: ours.plan_one(assets, name=name), sizes, 5),
    ):
        found = _ladder(what, prepared, ladder, times)
        figures += found
        claims += _fit(what, list(zip(ladder, (one.wall for one in found), strict=True)))
    saved = [(assets, _saving(assets)) for assets in sizes]
    claims += _fit("saving the lockfile, all of an apply", saved)
    told = ", ".join(f"{assets:,}: {seconds:.3f} s" for assets, seconds in saved)
    return Row(
        f"Growth from {min(sizes):,} to {max(sizes):,} assets", figures, claims, (f"saving the lockfile: {told}",)
    )


def _ladder(what: str, prepared: Callable[[str, int], Contestant], sizes: Sequence[int], runs: int) -> list[Figure]:
    return interleaved([prepared(f"{what}, {assets:,}", assets) for assets in sizes], runs=runs)


def _fit(what: str, points: list[tuple[int, float]]) -> list[Claim]:
    (small, quick), (large, slow) = points[0], points[-1]
    each = (slow - quick) / (large - small)
    return [
        Claim(f"{what}: exponent", exponent(points), BOUND, unit=""),
        Claim(f"{what}: exponent between the two largest alone", exponent(points[-2:]), kind="told", unit=""),
        Claim(f"{what}: each further asset", each * 1e6, kind="told", unit=" µs"),
    ]


def _saving(assets: int) -> float:
    command = [PYTHON, "-m", "benchmarks.saving", str(assets)]
    runs = [subprocess.run(command, cwd=REPOSITORY, check=False, capture_output=True, text=True) for _ in range(3)]
    if any(run.returncode for run in runs):
        raise Failed(f"saving {assets} assets: {runs[0].stderr[-300:]}")
    return statistics.median(float(run.stdout) for run in runs)
