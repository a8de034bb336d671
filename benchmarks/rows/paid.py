"""An apply over real sockets, against the billing gateway of `reconciler.testing`: its speed and its memory."""

from __future__ import annotations

import json
import math
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from benchmarks.places import DATA, PYTHON, RECONCILER, REPOSITORY
from benchmarks.projects import write_specs
from benchmarks.table import Claim, Row
from benchmarks.timing import Contestant, Figure, interleaved

ASSETS, IN_FLIGHT, ANSWERS_AFTER, MEGABYTE = 1_000, 64, 1.0, 1_000_000
_MEGABYTES, _OF_EACH = (1, 10, 20), 2 * IN_FLIGHT
"""The same number of images of each size: two rounds of what is in flight."""


@dataclass(frozen=True, slots=True)
class Gateway:
    """A running fake."""

    url: str
    key: str


@contextmanager
def gateway(size: int) -> Iterator[Gateway]:
    """Answers images of `size` bytes after a second; ends with us."""
    command = [PYTHON, "-m", "reconciler.testing.gateway", "--delay", str(ANSWERS_AFTER), "--bytes", str(size)]
    with subprocess.Popen(
        [*command, "--lines-only", "--until-stdin-closes"],
        cwd=REPOSITORY,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        key = json.loads(process.stdout.readline())["key"]
        try:
            yield Gateway(url, key)
        finally:
            process.stdin.close()


def an_apply(place: Gateway, assets: int, *, name: str = "reconciler apply") -> Contestant:
    """`apply` of a project without any image, 64 requests in flight."""
    root = DATA / "paid"

    def fresh() -> None:
        shutil.rmtree(root, ignore_errors=True)
        root.mkdir()
        settings = f"concurrency: {IN_FLIGHT}, requests_per_minute: 0, base_url: '{place.url}', api_key_env: BENCH_KEY"
        (root / "reconciler.yaml").write_text(f"provider: gravitex\nproviders:\n  gravitex: {{{settings}}}\n")
        write_specs(root, assets)

    command = (RECONCILER, "apply", "--yes", "--max-cost", "100000")
    environment = {"BENCH_KEY": place.key, "RECONCILER_TRUSTED_KEYS": "BENCH_KEY"}
    return Contestant(name, command, root, before=fresh, environment=environment)


def a_bare_loop(place: Gateway, assets: int) -> Contestant:
    """The same requests, the answers read and dropped."""
    command = (PYTHON, "-m", "benchmarks.bare", place.url, place.key, str(assets), str(IN_FLIGHT))
    return Contestant("bare httpx loop, bodies read and dropped", command, REPOSITORY)


def apply(*, runs: int) -> Row:
    """1,000 images of 1 MB. The gateway itself runs on the same cores as what is measured."""
    ideal = math.ceil(ASSETS / IN_FLIGHT) * ANSWERS_AFTER
    with gateway(MEGABYTE) as place:
        ours, bare = interleaved([an_apply(place, ASSETS), a_bare_loop(place, ASSETS)], runs=runs, warm_up=0)
    _clear()
    core_can = bare.wall <= 1.05 * ideal
    bounds = ("most", "told") if core_can else ("told", "most")
    claims = (
        Claim(f"apply / ideal ({ideal:.0f} s)", ours.wall / ideal, 1.05, kind=bounds[0]),
        Claim("apply / bare loop", ours.wall / bare.wall, 1.15, kind=bounds[1]),
    )
    notes = (
        "the bare loop is within 1.05 of the ideal, so that is the bound"
        if core_can
        else "the bare loop itself misses 1.05 of the ideal beside its gateway: 1.15 of the bare loop is the bound",
        "the gateway shares the cores with what is measured",
    )
    return Row("`apply`, 1,000 assets, 64 in flight, 1 MB images after 1 s", (ours, bare), claims, notes)


def memory(*, runs: int) -> Row:
    """The same with 1, 10 and 20 MB an image."""
    figures: list[Figure] = []
    for megabytes in _MEGABYTES:
        with gateway(megabytes * MEGABYTE) as place:
            name = f"reconciler apply, {_OF_EACH} images of {megabytes} MB"
            figures += interleaved([an_apply(place, _OF_EACH, name=name)], runs=runs, warm_up=0)
        _clear()
    peaks = [one.rss for one in figures]
    claims = (
        Claim("peak memory, largest", max(peaks), 300, unit=" MB"),
        Claim("peak memory, largest / smallest", max(peaks) / min(peaks), 1.2),
    )
    return Row("Peak memory of `apply`, 64 in flight", figures, claims)


def _clear() -> None:
    shutil.rmtree(DATA / "paid", ignore_errors=True)
