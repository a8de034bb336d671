"""Let the disk fail at every call of an apply, once and for good, then run it again on a sound disk.

python -m tests.crash.disksweep [--slice K/M] [--seed TEXT] [--errors ENOSPC,EIO,...]
"""

from __future__ import annotations

import argparse
import base64
import functools
import hashlib
import importlib
import re
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path

from tests.crash.native import Fault, Faulted, Keep
from tests.crash.rules import (
    Look,
    Rule,
    billed_once,
    converges,
    doubt_is_bounded,
    doubt_is_shown,
    no_traceback,
    nothing_torn,
)
from tests.crash.sweep import ENOUGH, WHOLE, Slice, a_slice, aftermath, spread, worlds_of
from tests.crash.sweep_result import Run, Swept, told
from tests.crash.tree import in_memory
from tests.crash.world import Scenario, World

ERRORS = ("ENOSPC", "EIO", "EDQUOT", "EACCES", "EROFS", "EMFILE", "SHORT")
AFTER_A_DISK_ERROR: tuple[Rule, ...] = (
    billed_once, nothing_torn, doubt_is_bounded, doubt_is_shown, converges, no_traceback,
)  # fmt: skip


def disk_sweep(
    scenario: Scenario, folder: Path, *, errors: tuple[str, ...] = ERRORS, part: Slice = WHOLE, workers: int = 2,
    enough: int = ENOUGH,
) -> Swept:  # fmt: skip
    """Each error at each call that can give it, once and sticky. Kept projects go to `folder`."""
    began = time.monotonic()

    def point(world: World, fault: Fault) -> Run:
        world.reset()
        faulted = world.disturb(fault)
        world.settle()
        words = tuple(_first_run(faulted, fault, world.look(), world.root))
        where = f"{fault.error} {fault.keep.name.lower()} at call {fault.at}: {faulted.first}"
        return bool(faulted.injected), aftermath(world, where, AFTER_A_DISK_ERROR, folder, words)

    with ExitStack() as stack:
        worlds = worlds_of(scenario, folder, workers, stack)
        faults = list(_faults(worlds[0], errors))
        chosen = [faults[number - 1] for number in part.choose(len(faults))]
        runs = spread(point, chosen, worlds, enough=enough)
    return Swept.of(runs, began=began, workers=workers)


def _faults(world: World, errors: tuple[str, ...]) -> Iterator[Fault]:
    for error in errors:
        world.reset()
        seen = world.disturb(Fault(error)).seen
        for at in range(1, seen + 1):
            yield from (Fault(error, at, keep) for keep in Keep)


def _first_run(faulted: Faulted, fault: Fault, left: Look, root: Path) -> Iterator[str]:
    """What a run on a failing disk owes: words, an exit code of its own, and every paid byte in a place it names."""
    ran = faulted.ran
    said = ran.stdout + ran.stderr
    if "Traceback" in said or "this is a bug" in said or ran.exit not in (0, 1, 3):
        yield f"it ended with {ran.exit}: {(ran.stderr.strip().splitlines() or ['nothing'])[-1]}"
    if fault.error == "SHORT" and ran.exit:
        yield f"short writes are no error, and it ended with {ran.exit}"
    if ran.exit and not said.strip():
        yield "it failed without a word"
    elsewhere = _elsewhere(root.parent)
    for bill in left.bills:
        if bill.content in left.stored or bill.content in left.outputs.values():
            continue
        places = elsewhere.get(bill.content, [])
        if not places:
            doubt = " (it is in doubt)" if bill.asset in left.in_doubt else ""
            yield f"{bill.asset}: the bytes that were paid for are nowhere{doubt}"
        elif not any(str(place) in said for place in places):
            yield f"{bill.asset}: the bytes that were paid for are in {places[0]}, and nobody was told"


def _elsewhere(folder: Path) -> dict[str, list[Path]]:
    """Every file around the project, by the hash of its bytes, or of the picture in the answer that it holds."""
    found: dict[str, list[Path]] = {}
    for path in folder.rglob("*"):
        if path.is_file():
            data = path.read_bytes()
            pictures = [base64.b64decode(text) for text in re.findall(rb'"b64_json": ?"([^"]+)"', data)]
            for each in (data, *pictures):
                found.setdefault(hashlib.sha256(each).hexdigest(), []).append(path)
    return found


def main() -> int:
    """The command line above."""
    parser = argparse.ArgumentParser(prog="disksweep", description=__doc__)
    parser.add_argument("--slice", type=a_slice, default=(0, 1), metavar="K/M")
    parser.add_argument("--seed", default="")
    parser.add_argument("--errors", default=",".join(ERRORS))
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--enough", type=int, default=ENOUGH)
    parser.add_argument("--package", type=Path, help="the folder with the reconciler to test; default: this checkout")
    parser.add_argument("--scenario", default="tests.crash.scenario:paid_apply", metavar="MODULE:NAME")
    asked = parser.parse_args()
    module, _, name = asked.scenario.partition(":")
    scenario: Callable[..., AbstractContextManager[World]] = getattr(importlib.import_module(module), name)
    if asked.package:
        scenario = functools.partial(scenario, package=asked.package.resolve())
    number, of = asked.slice
    folder = Path(tempfile.mkdtemp(prefix="disksweep-", dir=in_memory()))
    swept = disk_sweep(
        scenario, folder, errors=tuple(asked.errors.split(",")),
        part=Slice(number, of, asked.seed), workers=asked.workers, enough=asked.enough,
    )  # fmt: skip
    return told(swept, folder)


if __name__ == "__main__":
    sys.exit(main())
