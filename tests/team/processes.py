"""Schedules of eight checkouts of a team as processes, some of them killed: the bills say whether anybody paid twice.

python -m tests.team.processes [--schedules 200] [--seed TEXT] [--seaweed]
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

from reconciler.testing.gateway.launch import running
from tests.crash.fork_server import Ended, ForkServer, warm
from tests.crash.scenario import ENTRY_POINT, PACKAGE, PRELOAD
from tests.team.at_once import Team
from tests.team.servers import Server, seaweed

CROWD = 8
RECIPES = 8
DELAY = 1.0
KILLED = -9
TEAM_MODULES = (
    "reconciler.project.team_apply",
    "reconciler.project.team_layers",
    "reconciler.team.directory_bucket",
)


class TeamSchedule:
    """One schedule: everybody applies at once; then once more; then with consent; then once more."""

    def __init__(self, team: Team, runners: Sequence[ForkServer], pool: ThreadPoolExecutor, chance: random.Random):
        self._team = team
        self._runners = runners
        self._pool = pool
        self._chance = chance
        self._roots = [team.checkout(f"peer{number}") for number in range(CROWD)]

    def play(self) -> Iterator[str]:
        """What went wrong."""
        deadly = self._chance.random() < 0.5
        kills = [self._chance.uniform(0.3, 2.5) if deadly and at % 4 else None for at in range(CROWD)]
        starts = [self._chance.uniform(0, 0.4) for _ in range(CROWD)]
        wait = ["--no-wait"] if deadly else []
        yield from self._twice("at once", self._all(wait, starts, kills), 1)
        yield from self._twice("again", self._all(["--no-wait"]), 1)
        yield from self._twice("and again", self._all(["--no-wait"]), 1)
        ended = [self._one(number, ["--retry-in-doubt", "--no-wait"]) for number in range(CROWD)]
        yield from self._twice("with consent", ended, 1 + CROWD)
        for run in self._all(["--no-wait"]):
            if run.exit:
                yield f"the last apply ended with {run.exit}: {run.stderr.strip()[-300:]}"
        yield from self._lost()

    def _all(
        self,
        arguments: list[str],
        starts: Sequence[float] = (0.0,) * CROWD,
        kills: Sequence[float | None] = (None,) * CROWD,
    ) -> list[Ended]:
        def one(number: int) -> Ended:
            threading.Event().wait(starts[number])  # the schedule is made of times
            return self._one(number, arguments, kills[number])

        return list(self._pool.map(one, range(CROWD)))

    def _one(self, number: int, arguments: list[str], killed: float | None = None) -> Ended:
        command = ["reconciler", "apply", "--yes", *arguments]
        return self._runners[number].run(command, env=self._team.environ, cwd=self._roots[number], kill_after=killed)

    def _twice(self, when: str, ended: Sequence[Ended], most: int) -> Iterator[str]:
        """Each recipe was billed at most so often, and each bill has a claim."""
        for prompt, count in self._team.bills().items():
            if count > most:
                yield f"{when}: {prompt} was billed {count} times"
        claims = len(self._team.claims())
        if self._team.bills().total() > claims:
            yield f"{when}: {self._team.bills().total()} bills and {claims} claims"
        for run in ended:
            if run.exit not in (0, 3, KILLED):
                yield f"{when}: an apply ended with {run.exit}: {run.stderr.strip()[-300:]}"

    def _lost(self) -> Iterator[str]:
        pictures = [{path.name for path in root.glob("assets/**/*.png")} for root in self._roots]
        if any(len(names) != RECIPES for names in pictures):
            yield f"pictures are missing: {[len(names) for names in pictures]}"


def play_schedules(schedules: int, seed: str, *, server: Server | None = None) -> tuple[int, list[str]]:
    """The number of bills of so many schedules, and what went wrong. The team's store is a server, or a directory."""
    bills, violations = 0, []
    with ExitStack() as stack:
        pool = stack.enter_context(ThreadPoolExecutor(CROWD))
        preload = (*PRELOAD, *TEAM_MODULES)
        started = [pool.submit(stack.enter_context, warm(PACKAGE, ENTRY_POINT, preload)) for _ in range(CROWD)]
        runners = [each.result() for each in started]
        for number in range(schedules):
            with tempfile.TemporaryDirectory(prefix="team-") as folder, running(delay=DELAY) as fake:
                team = Team(Path(folder), fake, recipes=RECIPES, server=server, below=f"{seed}{number}")
                schedule = TeamSchedule(team, runners, pool, random.Random(f"{seed} {number}"))
                violations += [f"schedule {number}: {words}" for words in schedule.play()]
                bills += team.bills().total()
    return bills, violations


def main() -> int:
    """The command line above."""
    parser = argparse.ArgumentParser(prog="processes", description=__doc__)
    parser.add_argument("--schedules", type=int, default=200)
    parser.add_argument("--seed", default="")
    parser.add_argument("--seaweed", action="store_true", help="the team's store is at SeaweedFS, not a directory")
    given = parser.parse_args()
    began = time.monotonic()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="seaweed-")))
        server = stack.enter_context(seaweed(folder)) if given.seaweed else None
        bills, violations = play_schedules(given.schedules, given.seed, server=server)
    sys.stdout.write("".join(f"{violation}\n" for violation in violations[:20]))
    seconds = time.monotonic() - began
    where = "at SeaweedFS" if given.seaweed else "in a directory"
    sys.stdout.write(f"{given.schedules} schedules of {CROWD} processes {where}: {bills} billed, ")
    sys.stdout.write(f"{len(violations)} violations ({seconds:.0f} s)\n")
    return 1 if violations else 0


if __name__ == "__main__":
    sys.exit(main())
