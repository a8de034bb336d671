"""Time whole processes, interleaved A B A B so that a drift of the machine hits all alike; medians, CPU and memory."""

from __future__ import annotations

import math
import os
import statistics
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.places import HOME

KEPT = ("PATH", "LANG", "LC_ALL", "TMPDIR")
"""All else of the environment stays outside: CI, PYTHON*, GIT_*, what a shell's start files add."""


def clean_environment() -> dict[str, str]:
    """What every contestant sees."""
    kept = {name: os.environ[name] for name in KEPT if name in os.environ}
    ours = {"RECONCILER_MAX_ASSETS": "1000000"}
    rest = {"HOME": str(HOME), "NO_COLOR": "1", "GIT_CONFIG_NOSYSTEM": "1", "DVC_SITE_CACHE_DIR": str(HOME)}
    return kept | ours | rest


@dataclass(frozen=True, slots=True)
class Contestant:
    """A command line. `before` prepares each run and is not timed; `codes` are the exit codes that mean it worked.

    `every`: it takes part in every so many rounds; what is slow needs fewer of them.
    """

    name: str
    command: tuple[str, ...]
    cwd: Path
    before: Callable[[], object] = lambda: None
    codes: tuple[int, ...] = (0,)
    every: int = 1
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Run:
    """One process: seconds by the clock, seconds of CPU (its children included), the most memory in MB."""

    wall: float
    cpu: float
    rss: float


@dataclass(frozen=True, slots=True)
class Figure:
    """What a contestant's runs came to. `low` and `high` are the quickest and the slowest."""

    name: str
    wall: float
    cpu: float
    rss: float
    low: float
    high: float
    runs: int


class Failed(Exception):
    """A contestant did not do what was to be timed."""


def run_once(contestant: Contestant) -> Run:
    """Start, wait, account. What it prints is thrown away, unless it fails."""
    contestant.before()
    environment = clean_environment() | dict(contestant.environment)
    errors = HOME / "stderr"
    with open(errors, "wb") as stderr, open(os.devnull, "r+b") as null:
        began = time.perf_counter()
        process = subprocess.Popen(
            contestant.command, cwd=contestant.cwd, env=environment, stdin=null, stdout=null, stderr=stderr
        )
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in contestant.codes:
        said = errors.read_text(errors="replace")[-400:]
        raise Failed(f"{contestant.name}: exit {process.returncode}: {said}")
    return Run(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def interleaved(contestants: Sequence[Contestant], *, runs: int, warm_up: int = 1) -> list[Figure]:
    """Each contestant in turn, for so many rounds; a first round only warms the caches."""
    seen: dict[str, list[Run]] = {one.name: [] for one in contestants}
    for number in range(-warm_up, runs):
        for one in contestants:
            if number < 0:
                run_once(one)
            elif number % one.every == 0:
                seen[one.name].append(run_once(one))
    return [figure(name, runs_of) for name, runs_of in seen.items()]


def figure(name: str, runs: Sequence[Run]) -> Figure:
    """The medians; of memory the most that any run took."""
    walls = [run.wall for run in runs]
    return Figure(
        name,
        statistics.median(walls),
        statistics.median(run.cpu for run in runs),
        max(run.rss for run in runs),
        min(walls),
        max(walls),
        len(runs),
    )


def exponent(points: Sequence[tuple[float, float]]) -> float:
    """The slope of a least-squares line through the logarithms: 1 is linear, 2 quadratic."""
    xs = [math.log(x) for x, _ in points]
    ys = [math.log(y) for _, y in points]
    return statistics.linear_regression(xs, ys).slope
