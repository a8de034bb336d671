"""The results of batches over a line of 50 MB a second: how fast they are collected, and in how much memory."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

from benchmarks.places import DATA, PYTHON, RECONCILER, REPOSITORY
from benchmarks.projects import prompt
from benchmarks.rows.paid import Gateway
from benchmarks.table import Claim, Row
from benchmarks.timing import Contestant, interleaved, run_once

IMAGES, OF_EACH, RATE = 1_000, 2_000_000, 50_000_000
_ROOT = DATA / "batches"


@contextmanager
def batch_gateway() -> Iterator[Gateway]:
    """A gateway whose results come at RATE; ends with us."""
    command = [PYTHON, "-m", "reconciler.testing.gateway", "--dialect", "gemini", "--bytes", str(OF_EACH)]
    with subprocess.Popen(
        [*command, "--rate", str(RATE), "--lines-only", "--until-stdin-closes"],
        cwd=REPOSITORY,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        try:
            yield Gateway(url, json.loads(process.stdout.readline())["key"])
        finally:
            process.stdin.close()


def batches(*, runs: int) -> Row:
    """1,000 images of 2 MB in 20 jobs. The gateway shares the cores with what is measured."""
    with batch_gateway() as place:
        environment = {"BENCH_KEY": place.key, "RECONCILER_TRUSTED_KEYS": "BENCH_KEY"}
        submitted = Contestant("submit", (RECONCILER, "submit", "--yes"), _ROOT, environment=environment)
        _fresh(place)
        run_once(submitted)
        kept = DATA / "batches-submitted"
        shutil.rmtree(kept, ignore_errors=True)
        shutil.copytree(_ROOT, kept)

        def again() -> None:
            shutil.rmtree(_ROOT, ignore_errors=True)
            shutil.copytree(kept, _ROOT)

        command = (RECONCILER, "collect")
        ours = Contestant("reconciler collect", command, _ROOT, before=again, environment=environment)
        bare_command = (PYTHON, "-m", "benchmarks.bare_batches", place.url, place.key)
        bare = Contestant("bare download of the same files", bare_command, REPOSITORY)
        collected, downloaded = interleaved([ours, bare], runs=runs, warm_up=0)
        shutil.rmtree(_ROOT, ignore_errors=True)
        shutil.rmtree(kept, ignore_errors=True)
    claims = (
        Claim("speed of collect / of the bare download", downloaded.wall / collected.wall, 0.8, kind="least"),
        Claim("peak memory of collect", collected.rss, 150, unit=" MB"),
    )
    notes = ("decoded, verified, stored durably and put in place meanwhile; the line carries 50 MB a second",)
    return Row("`collect` of 20 batches, 1,000 images of 2 MB", (collected, downloaded), claims, notes)


def _fresh(place: Gateway) -> None:
    shutil.rmtree(_ROOT, ignore_errors=True)
    (_ROOT / "specs").mkdir(parents=True)
    provider = {"type": "gemini", "base_url": place.url, "api_key_env": "BENCH_KEY"}
    defaults = {"model": "gemini-2.5-flash-image", "size": "1:1"}
    project = {"provider": "shop", "providers": {"shop": provider}, "defaults": defaults}
    (_ROOT / "reconciler.yaml").write_text(json.dumps(project))
    for number in range(IMAGES):
        (_ROOT / f"specs/a{number:04}.yaml").write_text(json.dumps({"prompt": prompt(number)}))
