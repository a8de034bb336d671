"""Run the corpus and print a table: each case with its costliest command, and every rule that was broken."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from tests.hostile.case import meet
from tests.hostile.corpus import CASES


def main(names: list[str]) -> int:
    chosen = [case for case in CASES if not names or any(name in case.name for name in names)]
    failures = 0
    print(f"{'case':<58} {'CPU s':>6} {'MiB':>5}  result")
    for case in chosen:
        with tempfile.TemporaryDirectory(prefix="hostile-") as folder:
            outcome = meet(case, Path(folder))
        cpu, memory = max(run.cpu for run in outcome.runs), max(run.memory for run in outcome.runs)
        codes = ",".join(str(run.code) for run in outcome.runs)
        print(
            f"{case.name:<58} {cpu:6.2f} {memory:5.0f}  {'BROKEN' if outcome.broken else 'holds'} ({codes})", flush=True
        )
        failures += bool(outcome.broken)
        for fact in outcome.broken[:6]:
            print(f"    {fact[:300]}", flush=True)
    print(f"{len(chosen)} cases, {failures} broken")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
