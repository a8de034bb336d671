"""Kill workers, the run and Ray's own processes at random times: nothing is billed twice without consent.

`python -m tests.ray.schedules --schedules 200 --seed 0` prints one line for each schedule and a summary. A schedule is
an apply of a few images that cost money; one or two processes are killed while it draws; then an apply without consent,
and in every fourth schedule one with consent.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.ray.farm import Farm, below, gone, kill_processes, of_kind

WEIGHTS = {"actor": 5, "program": 2, "driver": 3, "ray": 2, "raylet": 3, "gcs": 1}
IMAGES = 6


def schedule(number: int, seed: int, root: Path) -> tuple[str, list[str]]:
    """What was done, and what is wrong."""
    chance = random.Random(f"{seed}:{number}")
    farm = Farm(root / f"p{number}", images=IMAGES, seconds=0.3)
    kinds = chance.choices(list(WEIGHTS), list(WEIGHTS.values()), k=chance.choice((1, 1, 2)))
    done, everyone = [], set[int]()
    with farm.start() as running:
        until = time.monotonic() + 120
        while not farm.billed and running.poll() is None and time.monotonic() < until:
            time.sleep(0.02)
        for kind in kinds:
            time.sleep(chance.random() * 0.8)
            everyone |= below(running.pid).keys()
            pids = of_kind(running.pid, kind)
            victims = [chance.choice(pids)] if pids else []
            done.append(f"{kind}{'' if kill_processes(victims) else ' (none)'}")
        running.communicate(timeout=300)
        first = running.returncode
    wrong = [f"process {pid} is left" for pid in gone(sorted(everyone), seconds=60)]
    once = farm.billed
    wrong += [f"{asset} was billed {times} times in the first run" for asset, times in once.items() if times > 1]
    second, said = farm.apply()
    twice = farm.billed
    wrong += [f"{asset} was billed {times} times without consent" for asset, times in twice.items() if times > 1]
    if second not in (0, 3):
        wrong.append(f"the second run ended with {second}: {said[-300:]}")
    unlocked = twice.keys() - farm.locked.keys()
    if second == 0 and (unlocked or len(farm.locked) != IMAGES):
        wrong.append(f"it ended with 0, and {sorted(unlocked)} are not locked")
    third = ""
    if number % 4 == 0 and second == 3:
        third, said = map(str, farm.apply("--retry-in-doubt"))
        allowed = twice + Counter(unlocked)
        more = {asset: times for asset, times in farm.billed.items() if times > max(allowed[asset], 1)}
        if third != "0" or more or len(farm.locked) != IMAGES:
            wrong.append(f"with consent it ended with {third}, {more} were billed more often: {said[-300:]}")
    words = f"{' + '.join(done):<24} exit {first}, then {second}{f', then {third}' if third else ''}"
    return f"{words}; billed {sum(once.values())}, then {sum(twice.values())}, in doubt {len(unlocked)}", wrong


def main() -> int:
    """Run them; 1 if anything is wrong."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--schedules", type=int, default=200)
    parser.add_argument("--first", type=int, default=0, help="The number of the first one.")
    parser.add_argument("--at-once", type=int, default=3, help="Each waits most of its time: for Ray, and for ends.")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--seconds", type=float, default=float("inf"), help="Begin no schedule after so many seconds.")
    given = parser.parse_args()
    begun, ran, faults = time.monotonic(), 0, 0

    def run(number: int) -> tuple[str, list[str]] | None:
        late = time.monotonic() - begun > given.seconds
        return None if late else schedule(number, given.seed, Path(folder))

    with tempfile.TemporaryDirectory(prefix="farm-") as folder, ThreadPoolExecutor(given.at_once) as threads:
        numbers = range(given.first, given.first + given.schedules)
        for number, ended in zip(numbers, threads.map(run, numbers), strict=True):
            if ended is not None:
                words, wrong = ended
                ran += 1
                faults += bool(wrong)
                print(f"{number:>4}  {words}", *(f"\n      WRONG: {each}" for each in wrong), flush=True)
    print(f"{ran} schedules in {time.monotonic() - begun:.0f} s, {faults} with faults")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
