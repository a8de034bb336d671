"""Run the corpus and print a table: each case with its costliest command, and every rule that was broken.

`python -m tests.hostile [NAME…]` runs the cases whose names contain one of these, on two processors.
"""

from __future__ import annotations

import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.hostile.case import Case, Outcome, meet
from tests.hostile.corpus import CASES

_PROCESSES = 2


def main(names: list[str]) -> int:
    chosen = [case for case in CASES if not names or any(name in case.name for name in names)]
    failures = 0
    print(f"{'case':<58} {'CPU s':>6} {'MiB':>5}  result")
    with ThreadPoolExecutor(_PROCESSES) as pool:  # each case waits for processes of its own
        for case, outcome in zip(chosen, pool.map(_met, chosen), strict=True):
            cpu, memory = max(run.cpu for run in outcome.runs), max(run.memory for run in outcome.runs)
            codes = ",".join(dict.fromkeys(str(run.code) for run in outcome.runs))
            result = "BROKEN" if outcome.broken else "holds"
            print(f"{case.name:<58} {cpu:6.2f} {memory:5.0f}  {result} ({codes})", flush=True)
            failures += bool(outcome.broken)
            for fact in outcome.broken[:6]:
                print(f"    {fact[:300]}", flush=True)
    print(f"{len(chosen)} cases, {failures} broken")
    return 1 if failures or not chosen else 0


def _met(case: Case) -> Outcome:
    with tempfile.TemporaryDirectory(prefix="hostile-") as folder:
        return meet(case, Path(folder))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
