"""Change the source in a few hundred small ways, one at a time; report each change that the related tests do not find.

    python -m tests.mutate [--count 300] [--seed 0] [MODULE …]      modules or folders below reconciler/

With `--found FILE`, the mutants that were found are noted there, and a later call with it tries only the others.
A survivor is killed by a new test, or argued in docs/mutants.md. The exit code is 1 if one is neither.
"""

from __future__ import annotations

import argparse
import hashlib
import itertools
import json
import os
import queue
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from tests.mutate.operators import Mutant, is_sound, mutants

ROOT = Path(__file__).resolve().parents[2]
ARGUED = ROOT / "docs/mutants.md"
MODULES = ("core/plan", "core/lock", "engine")

RELATED: Mapping[str, tuple[str, ...]] = {
    "reconciler/core/plan/": (
        "tests/core/test_decide.py tests/core/test_policy.py tests/core/test_plan.py tests/core/test_worlds.py",
        "tests/cli/test_money.py tests/cli/test_recover.py tests/cli/test_basics.py tests/cli/test_messages.py "
        "tests/cli/test_show_explain.py tests/cli/test_adopt.py tests/cli/test_restore.py",
        "tests/cli/test_plan_file.py tests/cli/test_incremental_plan.py tests/cli/test_reference_commands.py",
    ),
    "reconciler/core/lock/": (
        "tests/core/test_lockfile.py tests/core/test_merge.py tests/core/test_events.py",
        "tests/store/test_lockfile.py tests/cli/test_basics.py tests/cli/test_concurrent_edits.py",
        "tests/cli/test_mistakes.py tests/cli/test_recover.py tests/cli/test_money.py",
    ),
    "reconciler/engine/lane/": (
        "tests/engine",
        "tests/cli/test_money.py tests/cli/test_recover.py tests/cli/test_cautions.py tests/cli/test_open_journal.py",
    ),
    "reconciler/engine/": (
        "tests/engine",
        "tests/cli/test_basics.py tests/cli/test_money.py tests/cli/test_recover.py tests/cli/test_restore.py",
        "tests/cli/test_adopt.py tests/cli/test_reference_commands.py tests/cli/test_open_journal.py "
        "tests/cli/test_concurrent_edits.py tests/cli/test_prune.py tests/cli/test_summary.py",
        "tests/cli/test_disk_refuses.py tests/cli/test_plan_file.py tests/cli/test_process.py tests/test_story.py",
    ),
}
"""The tests of each folder, the quick ones first: the slower ones see only what the quicker ones let live. The first
folder that a module lies in counts. Tests that are named like the module come before all of these."""


class Verdict(Enum):
    KILLED = "killed"
    TIMED_OUT = "timed out"
    SURVIVED = "survived"


@dataclass(frozen=True, slots=True)
class Suite:
    """Tests that run together, and how many seconds they may take."""

    paths: tuple[str, ...]
    limit: float = 600.0


def folder_of(mutant: Mutant) -> str:
    """The folder of RELATED whose tests a mutant is tried with."""
    return next(folder for folder in RELATED if mutant.file.startswith(folder))


def suites_of(mutant: Mutant) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The tests that a mutant is tried with, the quick ones and the others. Those of its module's name come first."""
    module = Path(mutant.file)
    named = ROOT / "tests" / module.parts[1] / f"test_{module.name}"
    own = (str(named.relative_to(ROOT)),) if named.exists() else ()
    quick, *others = RELATED[folder_of(mutant)]
    return (*own, quick), tuple(others)


def chosen(sources: Mapping[str, str], *, count: int, seed: int) -> list[Mutant]:
    """The mutants to try: the first `count` in an order that depends on each mutant's key alone, or all for 0."""
    every = [mutant for file, source in sources.items() for mutant in mutants(file, source)]
    order = sorted(every, key=lambda one: hashlib.sha256(f"{seed}{one.key}".encode()).digest())
    sound = (mutant for mutant in order if is_sound(mutant, sources[mutant.file]))
    return list(itertools.islice(sound, count or None))


def read_argued(text: str) -> set[tuple[str, ...]]:
    """The keys in the table of docs/mutants.md: file, function, before, after, each in backticks, and the argument."""
    rows = (re.split(r"(?<!\\)\|", line)[1:-1] for line in text.splitlines() if line.startswith("| `"))
    return {tuple(cell.strip().strip("`").replace("\\|", "|") for cell in row[:4]) for row in rows if len(row) == 5}


def as_row(mutant: Mutant) -> str:
    """The mutant as a row of docs/mutants.md, without its argument."""
    cells = (cell.replace("|", "\\|") for cell in mutant.key)
    return "".join(f"| `{cell}` " if cell else "| " for cell in cells) + "| |"


def copied(folder: Path) -> Path:
    """A copy of the working tree without what was installed, cached or made."""
    return Path(shutil.copytree(ROOT, folder, ignore=shutil.ignore_patterns(".*", "__pycache__", "dist", "build")))


def passes(tree: Path, tests: Suite) -> bool:
    """Whether the tests pass in a copy of the tree. Raises TimeoutExpired after the limit."""
    command = [sys.executable, "-m", "pytest", "-x", "-p", "no:xdist", *tests.paths]
    environment = os.environ | {"PYTHONPATH": str(tree)}  # the package of the copy, for the tests' own processes too
    with (tree / "output.txt").open("w") as output, subprocess.Popen(
        command, cwd=tree, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
        start_new_session=True,
    ) as process:  # fmt: skip
        try:
            return process.wait(tests.limit) == 0
        finally:
            if process.returncode is None:
                os.killpg(process.pid, signal.SIGKILL)


def judged(
    tree: Path,
    mutant: Mutant,
    source: str,
    tests: Iterable[Suite],
    *,
    passes: Callable[[Path, Suite], bool] = passes,
) -> Verdict:
    """The verdict of the tests on a copy of the tree that has this one fault."""
    path = tree / mutant.file
    path.write_text(mutant.applied(source))
    compiled = path.parent / "__pycache__"
    shutil.rmtree(compiled, ignore_errors=True)  # two mutants of one size and second look the same to the import system
    try:
        return Verdict.SURVIVED if all(passes(tree, one) for one in tests) else Verdict.KILLED
    except subprocess.TimeoutExpired:
        return Verdict.TIMED_OUT
    finally:
        path.write_text(source)
        shutil.rmtree(compiled, ignore_errors=True)


def timed(tree: Path, tests: Suite) -> Suite:
    """The same with a limit that the unchanged source stays far below. Exits if it does not pass."""
    began = time.monotonic()
    if not passes(tree, tests):
        sys.exit(f"{(tree / 'output.txt').read_text()}\nthe tests fail without any mutant")
    return Suite(tests.paths, 30 + 5 * (time.monotonic() - began))


def survey(
    folder: Path,
    wanted: Sequence[Mutant],
    sources: Mapping[str, str],
    *,
    argued: Collection[tuple[str, ...]],
    workers: int,
) -> Iterator[tuple[Mutant, Verdict, float]]:
    """Each mutant with its verdict and its seconds, as they come from the workers: first those that the quick tests
    find, then those that only the others can find. The others do not see an argued mutant."""
    trees: queue.Queue[Path] = queue.Queue()
    for number in range(workers):
        trees.put(copied(folder / str(number)))
    unchanged, timing = copied(folder / "unchanged"), threading.Lock()
    limited: dict[str, Suite] = {}

    def suites(names: Iterable[str]) -> Iterator[Suite]:
        """The time limit of a suite is measured when the first mutant reaches it."""
        for paths in names:
            with timing:
                if paths not in limited:
                    limited[paths] = timed(unchanged, Suite(tuple(paths.split())))
            yield limited[paths]

    def judge(mutant: Mutant, names: Iterable[str]) -> tuple[Mutant, Verdict, float]:
        tree, began = trees.get(), time.monotonic()
        try:
            verdict = judged(tree, mutant, sources[mutant.file], suites(names))
        finally:
            trees.put(tree)
        return mutant, verdict, time.monotonic() - began

    with ThreadPoolExecutor(workers) as pool:
        try:
            living: list[Mutant] = []
            for landed in as_completed([pool.submit(judge, mutant, suites_of(mutant)[0]) for mutant in wanted]):
                mutant, verdict, _ = landed.result()
                if verdict is Verdict.SURVIVED and mutant.key not in argued:
                    living.append(mutant)
                else:
                    yield landed.result()
            for landed in as_completed([pool.submit(judge, mutant, suites_of(mutant)[1]) for mutant in living]):
                yield landed.result()
        finally:
            pool.shutdown(cancel_futures=True)  # after Ctrl-C, only what has begun is waited for


Results = list[tuple[Mutant, Verdict, float]]


class Found:
    """The mutants that tests have found, in a file that outlives an interruption. An edit elsewhere in the module
    leaves them there."""

    def __init__(self, path: Path | None, sample: Iterable[Mutant]) -> None:
        self._path = path
        lines = path.read_text().splitlines() if path is not None and path.exists() else []
        noted = {tuple(key): (Verdict(verdict), seconds) for *key, verdict, seconds in map(json.loads, lines)}
        self.before: Results = [(mutant, *noted[mutant.key]) for mutant in sample if mutant.key in noted]

    def note(self, mutant: Mutant, verdict: Verdict, seconds: float) -> None:
        if self._path is not None and verdict is not Verdict.SURVIVED:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with self._path.open("a") as file:
                file.write(json.dumps([*mutant.key, verdict.value, round(seconds, 1)]) + "\n")


def table(results: Sequence[tuple[Mutant, Verdict, float]], argued: Collection[tuple[str, ...]]) -> Iterator[str]:
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for mutant, verdict, seconds in results:
        known = verdict is Verdict.SURVIVED and mutant.key in argued
        for row in (mutant.file.removeprefix("reconciler/"), "all"):
            counts[row].update({"mutants": 1, "argued" if known else verdict.value: 1})
            counts[row]["seconds"] += round(seconds)
    columns = ("mutants", "killed", "timed out", "argued", "survived", "seconds")
    yield f"{'':28}" + "".join(f"{name:>11}" for name in columns)
    for row in sorted(counts, key=lambda name: (name == "all", name)):
        yield f"{row:28}" + "".join(f"{counts[row][name]:11}" for name in columns)


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table and the survivors."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutate", description=__doc__.partition("\n")[0])
    parser.add_argument("modules", nargs="*", default=MODULES, metavar="MODULE")
    parser.add_argument("--count", type=int, default=300, help="how many mutants; 0 for all")
    parser.add_argument("--seed", type=int, default=0, help="which of them")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="how many are tried at once")
    parser.add_argument("--found", type=Path, metavar="FILE", help="notes what was found, and tries only the rest")
    given = parser.parse_args(arguments)
    places = [(ROOT / "reconciler" / name) for name in given.modules]
    paths = [path for one in places for path in (sorted(one.rglob("*.py")) if one.is_dir() else [one])]
    sources = {str(path.relative_to(ROOT)): path.read_text() for path in paths}
    argued = read_argued(ARGUED.read_text())
    began = time.monotonic()
    sample = chosen(sources, count=given.count, seed=given.seed)
    found = Found(given.found, sample)
    results = list(found.before)
    done = {mutant for mutant, _, _ in results}
    with tempfile.TemporaryDirectory(prefix="mutate-") as folder:
        wanted = [mutant for mutant in sample if mutant not in done]
        for mutant, verdict, seconds in survey(Path(folder), wanted, sources, argued=argued, workers=given.workers):
            results.append((mutant, verdict, seconds))
            found.note(mutant, verdict, seconds)
            if len(results) % 25 == 0:
                print(f"{len(results)} of {len(sample)}", file=sys.stderr, flush=True)
            if verdict is Verdict.SURVIVED and mutant.key not in argued:
                print(mutant, flush=True)
    print(*table(results, argued), sep="\n")
    living = [one for one, verdict, _ in results if verdict is Verdict.SURVIVED and one.key not in argued]
    print(f"{len(results)} mutants in {time.monotonic() - began:.0f} s, {len(living)} living")
    if living:
        print("to kill, or to argue in docs/mutants.md:", *map(as_row, living), sep="\n")
    gone = argued - {mutant.key for file, source in sources.items() for mutant in mutants(file, source)}
    for key in sorted(key for key in gone if key[0] in sources):
        print(f"argued, but no longer a mutant: {' | '.join(key)}")
    return 1 if living else 0


if __name__ == "__main__":
    sys.exit(main())
