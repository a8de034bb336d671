"""Run eight applies of one project at once, some of them killed, by schedules that a seed decides, and read the bill.

    python -m tests.crash.concurrent [--schedules 200] [--seed TEXT]

Prints `N schedules, 0 violations`; exit code 1 if there are any.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from tests.crash.fork_server import Ended, ForkServer, leased
from tests.crash.rules import AFTER_A_KILL, Story, broken
from tests.crash.scenario import ENTRY_POINT, PACKAGE, PRELOAD, PaidApply, open_at_once, paid_apply

CROWD = 8
IMAGES = 4
CONCURRENCY = 2
DELAY = 0.03
"""Seconds before each image: an apply takes a moment in which the others come."""
KILLED = -9


@dataclass(frozen=True, slots=True)
class Part:
    """One apply: when it starts, whether it waits for the others, when it is killed if it still runs. In seconds."""

    start: float
    waits: bool
    killed: float | None


@dataclass(frozen=True, slots=True)
class ConcurrentRuns:
    """What all schedules came to."""

    crowd: int
    schedules: int
    seconds: float
    ended: Counter[str]
    bills: int
    violations: tuple[str, ...]

    def __str__(self) -> str:
        how = ", ".join(f"{count} {name}" for name, count in sorted(self.ended.items()))
        return (
            f"{self.crowd * self.schedules} applies: {how}; {self.bills} images billed\n"
            f"{self.schedules} schedules, {len(self.violations)} violations ({self.seconds:.0f} s)"
        )


def schedule(chance: random.Random, crowd: int) -> tuple[Part, ...]:
    """Half of the schedules kill nobody; the first one always waits, so that somebody comes through."""
    deadly = chance.random() < 0.5
    parts = [
        Part(
            start=chance.uniform(0, 0.4),
            waits=chance.random() < 0.5,
            killed=chance.uniform(0.02, 0.6) if deadly and at % 3 == 1 else None,
        )
        for at in range(crowd)
    ]
    return (replace(parts[0], waits=True), *parts[1:])


def run_concurrently(
    folder: Path, *, schedules: int, crowd: int = CROWD, seed: str = "", package: Path = PACKAGE
) -> ConcurrentRuns:
    """So many schedules, one after the other, each of so many applies at once."""
    began, ended, bills, violations = time.monotonic(), Counter[str](), 0, []
    with ExitStack() as stack:
        world = stack.enter_context(
            paid_apply(folder, images=IMAGES, concurrency=CONCURRENCY, package=package, delay=DELAY)
        )
        pool = stack.enter_context(ThreadPoolExecutor(crowd))
        started = [pool.submit(stack.enter_context, leased(package, ENTRY_POINT, PRELOAD)) for _ in range(crowd)]
        runners = [each.result() for each in started]
        for number in range(schedules):
            parts = schedule(random.Random(f"{seed} {number}"), crowd)
            world.reset()
            runs = list(pool.map(lambda pair: _one(world, *pair), zip(runners, parts, strict=True)))
            ended.update(map(_how, runs))
            story = _story(world, runs)
            bills += len(story.after.bills)
            found = [*_wrong(parts, runs, story), *broken(story, AFTER_A_KILL)]
            violations += [f"schedule {number}: {words}" for words in found]
    return ConcurrentRuns(crowd, schedules, time.monotonic() - began, ended, bills, tuple(violations))


def _one(world: PaidApply, runner: ForkServer, part: Part) -> Ended:
    threading.Event().wait(part.start)  # the schedule is made of times
    wait = ["--wait", "50"] if part.waits else []
    return runner.run(["reconciler", "apply", "--yes", *wait], env=world.env, cwd=world.root, kill_after=part.killed)


def _how(run: Ended) -> str:
    names = {0: "done", 3: "left something in doubt", 4: "told who holds the lock", KILLED: "killed"}
    return names.get(run.exit, f"ended with {run.exit}")


def _story(world: PaidApply, runs: list[Ended]) -> Story:
    """All runs at once, then one more apply. Each one killed leaves in doubt what it had in flight, and no more."""
    world.settle()
    crashed = world.look()
    second = world.again()
    world.settle()
    killed = sum(run.exit == KILLED for run in runs)
    return Story(world.assets, open_at_once(CONCURRENCY) * killed, crashed, second, world.look())


def _wrong(parts: tuple[Part, ...], runs: list[Ended], story: Story) -> Iterator[str]:
    for part, run in zip(parts, runs, strict=True):
        fine = {0, 3} if part.waits else {0, 3, 4}
        if run.exit not in fine and not (run.exit == KILLED and part.killed is not None):
            yield f"an apply ended with {run.exit}: {(run.stderr.strip().splitlines() or ['nothing'])[-1]}"
        if run.exit == 4 and "another apply is running here" not in run.stderr:
            yield f"exit 4 without saying why: {run.stderr.strip()}"
    if all(run.exit != KILLED for run in runs):
        for asset, count in sorted((dict.fromkeys(story.assets, 0) | _billed(story)).items()):
            if count != 1:
                yield f"{asset} was billed {count} times, and nobody was killed"


def _billed(story: Story) -> Counter[str]:
    return Counter(bill.asset for bill in story.after.bills)


def main() -> int:
    """The command line above."""
    parser = argparse.ArgumentParser(prog="concurrent", description=__doc__)
    parser.add_argument("--schedules", type=int, default=200)
    parser.add_argument("--seed", default="")
    parser.add_argument("--package", type=Path, default=PACKAGE, help="the folder with the reconciler to test")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="concurrent-") as folder:
        crowded = run_concurrently(
            Path(folder), schedules=asked.schedules, seed=asked.seed, package=asked.package.resolve()
        )
    for violation in crowded.violations:
        print(violation)
    print(crowded)
    return 1 if crowded.violations else 0


if __name__ == "__main__":
    sys.exit(main())
