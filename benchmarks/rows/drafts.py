"""Drafts: 1,000 placeholders of 1K, each with words of its own."""

from __future__ import annotations

import os
import shutil

from benchmarks.places import DATA, PYTHON, RECONCILER, REPOSITORY
from benchmarks.projects import write_specs
from benchmarks.table import Claim, Row
from benchmarks.timing import Contestant, interleaved

ASSETS = 1_000


def drafts(*, runs: int) -> Row:
    """The whole `apply`, fsyncs and all, and the drawing alone."""
    root = DATA / "drafts"
    cores = os.cpu_count() or 1

    def fresh() -> None:
        shutil.rmtree(root, ignore_errors=True)
        root.mkdir()
        (root / "reconciler.yaml").write_text("provider: draft\n")
        write_specs(root, ASSETS)

    apply = Contestant("reconciler apply", (RECONCILER, "apply", "--yes"), root, before=fresh)
    draw = Contestant(
        f"drawing alone, {ASSETS // 10}", (PYTHON, "-m", "benchmarks.drawing", str(ASSETS // 10)), REPOSITORY
    )
    whole, pure = interleaved([apply, draw], runs=runs, warm_up=0)
    shutil.rmtree(root, ignore_errors=True)
    claims = (
        Claim(f"drafts a second and core, by the clock on {cores} cores", ASSETS / whole.wall / cores, 20, "least", ""),
        Claim("drafts a second of CPU, whole apply", ASSETS / whole.cpu, 20, "least", ""),
        Claim("drafts a second of CPU, drawing alone", ASSETS / 10 / pure.cpu, kind="told", unit=""),
    )
    return Row("Drafts: `apply` of 1,000 of 1K", (whole, pure), claims)
