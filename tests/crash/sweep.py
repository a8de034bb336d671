"""Crash an apply at every point (kill) or into every legal disk state (cut), run it again, and check the rules.

    python -m tests.crash.sweep kill [--slice K/M] [--seed TEXT]
    python -m tests.crash.sweep kill --scenario tests.crash.scenario:killed_before --points 480
    python -m tests.crash.sweep cut --states 10000 [--seed TEXT]

Prints `N points, 0 violations`; exit code 1 if there are any.
"""

from __future__ import annotations

import argparse
import functools
import importlib
import random
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from tests.crash import native, trace
from tests.crash.powercut import DiskState, Order, states
from tests.crash.rules import AFTER_A_CUT, AFTER_A_KILL, Rule, Story, broken
from tests.crash.sweep_result import Run, Swept, Violation, told
from tests.crash.tree import in_memory, snapshot
from tests.crash.world import Scenario, World

Item = TypeVar("Item")
ENOUGH = 20
"""A sweep stops at this many violations: more of them say nothing new."""
BEYOND = 3
"""Threads make the count vary: a sweep goes on until this many runs in a row ended before they could be killed."""


@dataclass(frozen=True, slots=True)
class Slice:
    """Every `of`-th point of a shuffle that `seed` decides; the whole is `WHOLE`."""

    number: int = 0
    of: int = 1
    seed: str = ""

    def choose(self, points: int) -> list[int]:
        """Points from 1."""
        every = list(range(1, points + 1))
        random.Random(self.seed).shuffle(every)
        return every[self.number % self.of :: self.of]


WHOLE = Slice()


def kill_sweep(
    scenario: Scenario, folder: Path, *, part: Slice = WHOLE, points: int | None = None, calls: int | None = None,
    workers: int = 2, enough: int = ENOUGH, rules: Iterable[Rule] = AFTER_A_KILL,
) -> Swept:  # fmt: skip
    """SIGKILL at each point of the slice, then once more without faults. Kept projects go to `folder`.

    `points` is for projects of which no two are alike: how many to try, each as far on its own way; else all of them
    are, and a few beyond. `calls` is about how many a run makes, if it need not be counted.
    """
    rules = tuple(rules)
    began = time.monotonic()

    def point(world: World, number: int) -> Run:
        world.reset()
        number = number if points is None else call_at(world, number / points)
        first = native.kill_at(number, world.command, root=world.root, env=world.env)
        world.settle()
        where = f"point {number}: killed at {first.killed_at}" if first.killed_at else f"point {number}: not killed"
        return bool(first.killed_at), aftermath(world, where, rules, folder)

    with ExitStack() as stack:
        worlds = worlds_of(scenario, folder, workers, stack)
        count = points or calls or counted(worlds[0])
        runs = spread(point, part.choose(count), worlds, enough=enough)
        survived = BEYOND if part.of > 1 or points or calls or len(runs) < count else 0
        while survived < BEYOND:
            runs.append(point(worlds[0], len(runs) + 1))
            survived = 0 if runs[-1][0] else survived + 1
    return Swept.of(runs, began=began, workers=workers)


def counted(world: World) -> int:
    """The calls of a run without any fault."""
    world.reset()
    whole = native.count(world.command, root=world.root, env=world.env)
    if whole.exit not in world.fine:
        raise AssertionError(f"the command fails without any fault: {whole.stderr}")
    return whole.count


def call_at(world: World, share: float) -> int:
    """The call with which this share of a run is done; what it takes to know that is undone."""
    tree, ledger = snapshot(world.root), world.ledger.read_bytes()
    calls = native.count(world.command, root=world.root, env=world.env).count
    world.settle()
    world.restore(tree, ledger)
    return max(1, round(share * calls))


def cut_sweep(
    scenario: Scenario, folder: Path, *, limit: int, seed: int = 0, workers: int = 2, enough: int = ENOUGH,
    order: Order = Order.ORDERED, rules: Iterable[Rule] = AFTER_A_CUT,
) -> Swept:  # fmt: skip
    """Record one run, then recover from each of at most `limit` states that a power cut may have left."""
    rules = tuple(rules)
    began = time.monotonic()
    with ExitStack() as stack:
        worlds = worlds_of(scenario, folder, workers, stack)
        found, ledger = recorded(worlds[0], folder, limit=limit, seed=seed, order=order)

        def point(world: World, state: DiskState) -> Run:
            world.restore(state.tree, ledger[: state.watched])
            return True, aftermath(world, f"power cut {state.why} ({state.digest[:12]})", rules, folder)

        runs = spread(point, found, worlds, enough=enough)
    return Swept.of(runs, began=began, workers=workers)


def recorded(
    world: World, folder: Path, *, limit: int, seed: int, order: Order = Order.ORDERED
) -> tuple[Iterator[DiskState], bytes]:
    """The states that a power cut may leave of one traced run, and the whole ledger of that run."""
    world.reset()
    initial, file = snapshot(world.root), folder / "trace"
    ran = native.record(world.command, root=world.root, env=world.env, trace=file, watch=world.ledger)
    if ran.exit not in world.fine:
        raise AssertionError(f"the command fails without any fault: {ran.stderr}")
    ledger = world.ledger.read_bytes()
    calls = [replace(call, watched=_billed(ledger, call.watched, world.is_bill)) for call in trace.load(file)]
    return states(calls, initial, world.root, limit=limit, seed=seed, order=order), ledger


def _billed(ledger: bytes, size: int, is_bill: Callable[[bytes], bool]) -> int:
    """The size up to the last bill that had begun when the ledger had that size: a file may grow in the middle of a
    line, and two states with the same bills are not two."""
    billed = end = 0
    for line in ledger.splitlines(keepends=True):
        if end >= size:
            break
        end += len(line)
        billed = end if is_bill(line) else billed
    return billed


def worlds_of(scenario: Scenario, folder: Path, workers: int, stack: ExitStack) -> list[World]:
    """So many worlds, until the stack is closed."""
    made = []
    for _ in range(workers):
        place = tempfile.mkdtemp(prefix="world-", dir=folder)
        stack.callback(shutil.rmtree, place, ignore_errors=True)
        made.append(stack.enter_context(scenario(Path(place))))
    return made


def aftermath(
    world: World, where: str, rules: tuple[Rule, ...], folder: Path, already: tuple[str, ...] = ()
) -> Violation | None:
    """Look at a settled world, run again and look. What is broken, beside what was `already` found, with a copy of the
    project in `folder`."""
    crashed = world.look()
    second = world.again()
    world.settle()
    story = Story(world.assets, world.flight, crashed, second, world.look())
    words = (*already, *broken(story, rules))
    if not words:
        return None
    kept = Path(tempfile.mkdtemp(prefix="violation-", dir=folder))
    shutil.copytree(world.root, kept / "project", symlinks=True)
    shutil.copy(world.ledger, kept / "ledger")
    return Violation(where, words, kept)


def spread(
    work: Callable[[World, Item], Run],
    items: Iterable[Item], worlds: list[World], *, enough: int,
) -> list[Run]:  # fmt: skip
    """Each world works off items in a thread of its own; enough violations, or an exception in one, end all."""
    queue, lock = iter(items), threading.Lock()
    results: list[Run] = []
    errors: list[BaseException] = []

    def run(world: World) -> None:
        try:
            while not errors and sum(bool(found) for _, found in results) < enough:
                with lock:
                    item = next(queue)
                results.append(work(world, item))
        except StopIteration:
            return
        except BaseException as error:
            errors.append(error)  # raised below, in the caller's thread

    threads = [threading.Thread(target=run, args=(world,)) for world in worlds]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
    return results


def a_slice(text: str) -> tuple[int, int]:
    """`K/M` of a command line."""
    number, _, of = text.partition("/")
    return int(number), int(of or 1)


def main() -> int:
    """The command line above."""
    parser = argparse.ArgumentParser(prog="sweep", description=__doc__)
    parser.add_argument("kind", choices=["kill", "cut"])
    parser.add_argument("--slice", type=a_slice, default=(0, 1), metavar="K/M", help="kill: every M-th point only")
    parser.add_argument("--seed", default="", help="decides the slice and the random states; a commit id, say")
    parser.add_argument("--points", type=int, help="kill: so many, where the scenario's projects differ")
    parser.add_argument("--states", type=int, default=10_000, help="cut: how many states at most")
    parser.add_argument("--order", type=Order, default=Order.ORDERED, choices=list(Order), help="cut: see powercut")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--package", type=Path, help="the folder with the reconciler to test; default: this checkout")
    parser.add_argument("--scenario", default="tests.crash.scenario:paid_apply", metavar="MODULE:NAME")
    asked = parser.parse_args()
    module, _, name = asked.scenario.partition(":")
    scenario: Callable[..., AbstractContextManager[World]] = getattr(importlib.import_module(module), name)
    if asked.package:
        scenario = functools.partial(scenario, package=asked.package.resolve())
    folder = Path(tempfile.mkdtemp(prefix="sweep-", dir=in_memory()))
    if asked.kind == "kill":
        number, of = asked.slice
        part = Slice(number, of, asked.seed)
        swept = kill_sweep(scenario, folder, part=part, points=asked.points, workers=asked.workers)
    else:
        seed = random.Random(asked.seed).randrange(2**32)
        swept = cut_sweep(scenario, folder, limit=asked.states, seed=seed, workers=asked.workers, order=asked.order)
    return told(swept, folder)


if __name__ == "__main__":
    sys.exit(main())
