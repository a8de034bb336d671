"""Make many images at a provider that fails one time in twenty, die again and again, and hold the bill to the disk.

    python -m tests.crash.soak [--images 2000] [--kills 20] [--seed TEXT]

Billed must be stored + in doubt + charged for an answer that is no image, exactly; descriptors and memory stay flat.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from reconciler.testing.gateway import spawned
from reconciler.testing.gateway.faults import EXPECTED
from reconciler.testing.gateway.ledger import Entry, Ledger
from tests.crash import tree as trees
from tests.crash.scenario import ENTRY, PACKAGE, journalled, locked, objects_of, picture_hash

FAULTS = (
    "500", "504", "502_html", "reset_mid_body", "close_before_answer", "truncated", "429_ms", "503_json", "empty_data",
    "wrong_ratio", "cut_image", "moderation_blocked", "stop_with_text", "400", "502_empty_response", "bad_status_line",
)  # fmt: skip
SHARE = 0.05
CONCURRENCY = 8
TURNS = 12
"""Applies after the last kill, until one has nothing more to ask for: what failed is asked for again by each."""
PROJECT = """\
provider: gravitex
defaults: {{model: gemini-2.5-flash-image, size: "1:1"}}
providers:
  gravitex: {{base_url: "{url}", api_key_env: GRAVITEX_API_KEY, concurrency: {concurrency}, requests_per_minute: 0}}
"""
MOST_FILES = 40 + 4 * CONCURRENCY
MOST_GROWTH = 24 * 1024
"""KiB that the process may grow by from the middle third of the longest run to its last."""
POLL = 0.05


@dataclass(frozen=True, slots=True)
class Sample:
    """An apply at one moment."""

    files: int
    memory: int


@dataclass(frozen=True, slots=True)
class Soaked:
    """The account, and what is wrong with it."""

    images: int
    kills: int
    seconds: float
    billed: int
    stored: int
    in_doubt: int
    for_nothing: int
    unbilled: int
    files: int
    memory: tuple[int, int]
    violations: tuple[str, ...]

    def __str__(self) -> str:
        return (
            f"{self.images} images, {self.kills} kills: billed {self.billed} = stored {self.stored} + in doubt "
            f"{self.in_doubt} + charged for no image {self.for_nothing}; in doubt but never billed {self.unbilled}\n"
            f"at most {self.files} descriptors; memory {self.memory[0] >> 10} MiB, then {self.memory[1] >> 10} MiB\n"
            f"{self.billed} bills, {len(self.violations)} violations ({self.seconds:.0f} s)"
        )


def soak(folder: Path, *, images: int, kills: int, seed: str = "", package: Path = PACKAGE) -> Soaked:
    """One project from nothing to its end."""
    began, chance = time.monotonic(), random.Random(seed)
    path, root = folder / "ledger", folder / "project"
    chances = [f"--fault={name}@{SHARE / len(FAULTS)}" for name in FAULTS]
    with spawned(path, "--lines-only", f"--seed={chance.getrandbits(32)}", "--retry-after=1", *chances) as gateway:
        _write(root, gateway.url(), images)
        env = {"PATH": os.environ["PATH"], "GRAVITEX_API_KEY": gateway.key, "TMPDIR": str(folder)}
        applying = _Applying(root, path, env, package)
        for bills in sorted(chance.randrange(1, images * 6 // 10) for _ in range(kills)):
            applying.until(bills)
        samples = applying.until(None)
        wrong = [] if applying.code in (0, 1, 3) else [f"the run after the last kill ended with {applying.code}"]
        before = -1
        for _ in range(TURNS):
            if len(_requests(path)) == before:
                break
            before = len(_requests(path))
            applying.until(None)
    return _account(root, path, samples, wrong, images=images, kills=applying.kills, seconds=time.monotonic() - began)


class _Applying:
    """Runs applies one after the other, and watches them."""

    def __init__(self, root: Path, ledger: Path, env: Mapping[str, str], package: Path) -> None:
        self._root, self._ledger, self._env = root, ledger, env
        self._command = [sys.executable, "-I", "-c", ENTRY.format(str(package)), "apply", "--yes"]
        self.kills = 0
        self.code = 0

    def until(self, bills: int | None) -> list[Sample]:
        """To its end; or to a SIGKILL as soon as the ledger has about so many lines."""
        samples: list[Sample] = []
        with subprocess.Popen(
            self._command, cwd=self._root, env=self._env, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        ) as process:  # fmt: skip
            while process.poll() is None:
                if bills is not None and self._ledger.read_bytes().count(b'"line":"request"') >= bills:
                    process.kill()
                    self.kills += 1
                    bills = None
                samples += _sample(process.pid)
                threading.Event().wait(POLL)
        self.code = process.returncode
        return samples


def _sample(pid: int) -> Iterator[Sample]:
    try:
        files = len(os.listdir(f"/proc/{pid}/fd"))
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return
    memory = [int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS:")]
    yield from (Sample(files, each) for each in memory)


def _write(root: Path, url: str, images: int) -> None:
    (root / "specs").mkdir(parents=True)
    (root / "reconciler.yaml").write_text(PROJECT.format(url=url, concurrency=CONCURRENCY))
    assets = "".join(f"  a{number}: {{prompt: a picture of all-a{number}}}\n" for number in range(images))
    (root / "specs/all.yaml").write_text(f"assets:\n{assets}")


def _requests(path: Path) -> tuple[Entry, ...]:
    return Ledger.read(path).requests


def _account(
    root: Path, path: Path, samples: list[Sample], wrong: list[str], *, images: int, kills: int, seconds: float
) -> Soaked:
    """Each bill to the one place where it belongs."""
    files = {name: node.data for name, node in trees.snapshot(root).items() if isinstance(node, trees.File)}
    sound = {name for name, found in objects_of(files).items() if name == found}
    lock = locked(files["assets.lock"])
    whole = json.loads(files["assets.lock"])
    answered = {**whole.get("refused", {}), **whole.get("answered", {})}
    in_doubt, _ = journalled(files.get(".reconciler/journal", b""))
    bills: dict[str, list[Entry]] = {}
    for entry in _requests(path):
        if entry.billed:
            bills.setdefault(entry.prompt.rpartition("-")[2], []).append(entry)
    count: Counter[str] = Counter()
    for asset, charged in bills.items():
        identity = f"all#{asset}"
        *earlier, last = charged
        for entry in earlier:
            count["for nothing"] += 1
            wrong.append(f"{identity} was billed again after {entry.fault or 'an image'}, without consent")
        content = lock.get(identity, "")
        if content and content in sound and picture_hash(files.get(f"assets/all/{asset}.png", b"")) == content:
            count["stored"] += 1
            if content not in last.images:
                wrong.append(f"{identity} holds a picture that its last bill does not name")
        elif identity in in_doubt:
            count["in doubt"] += 1
        elif EXPECTED[last.fault] in ("BadOutput", "Mismatched", "Refused") and identity in answered:
            count["for nothing"] += 1
        else:
            wrong.append(f"{identity} was billed ({last.fault}), is not stored and not in doubt")
    billed = sum(map(len, bills.values()))
    if billed != count.total():
        wrong.append(f"{billed} bills, and {count.total()} of them are accounted for")
    unbilled = len(in_doubt - {f"all#{asset}" for asset in bills})
    if unbilled > kills * CONCURRENCY:
        wrong.append(f"{unbilled} in doubt were never billed: more than the killed had in flight")
    third = max(1, len(samples) // 3)
    middle, last_third = samples[third : 2 * third], samples[-third:]  # the first third still loads what it needs
    memory = (max(each.memory for each in middle), max(each.memory for each in last_third))
    most = max(each.files for each in samples)
    if most > MOST_FILES:
        wrong.append(f"{most} descriptors were open")
    if memory[1] - memory[0] > MOST_GROWTH:
        wrong.append(f"memory grew from {memory[0]} KiB to {memory[1]} KiB")
    return Soaked(
        images, kills, seconds, billed, count["stored"], count["in doubt"], count["for nothing"], unbilled, most,
        memory, tuple(wrong),
    )  # fmt: skip


def main() -> int:
    """The command line above."""
    parser = argparse.ArgumentParser(prog="soak", description=__doc__)
    parser.add_argument("--images", type=int, default=2000)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", default="")
    parser.add_argument("--package", type=Path, default=PACKAGE, help="the folder with the reconciler to test")
    asked = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="soak-"))
    soaked = soak(folder, images=asked.images, kills=asked.kills, seed=asked.seed, package=asked.package.resolve())
    for violation in soaked.violations:
        print(violation)
    print(soaked)
    if soaked.violations:
        print(f"kept: {folder}")
        return 1
    shutil.rmtree(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
