"""`python -m tests.histories --histories 500`: merge random histories in each way, and count the conflicts."""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
from pathlib import Path

from tests.histories.history import ways


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.histories", description=__doc__)
    parser.add_argument("--histories", type=int, default=500)
    parser.add_argument("--first", type=int, default=0, help="the seed of the first history")
    given = parser.parse_args()
    driver = str(Path(sys.executable).with_name("reconciler"))
    failed = 0
    for name, way in ways(driver).items():
        conflicts = 0
        for seed in range(given.first, given.first + given.histories):
            with tempfile.TemporaryDirectory() as folder:
                outcome = way(Path(folder), random.Random(seed))
            conflicts += outcome.conflict
            failed += bool(outcome.wrong)
            for line in outcome.wrong:
                print(f"{name}, seed {seed}: {line}")
        print(f"{name}: {conflicts} of {given.histories} histories conflict in the lockfile", flush=True)
    print(f"{failed} wrong merges")
    return failed > 0


if __name__ == "__main__":
    raise SystemExit(main())
