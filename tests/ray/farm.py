"""A project whose images are drawn by actors of Ray, its ledger, and the processes of a running apply.

Needs Linux (`/proc`) and a Python with Ray: `make test-ray` has one in an environment of its own.
"""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

WORKERS = Path(__file__).parents[1] / "workers"
PYTHON = os.path.abspath(os.environ.get("RECONCILER_RAY_PYTHON", sys.executable))
"""A Python that has Ray and this package."""


class Farm:
    """One project in a folder of its own."""

    def __init__(self, root: Path, *, images: int, seconds: float = 0.2, charges: bool = True, actors: int = 2) -> None:
        self.root = root
        self.ledger = root.parent / f"{root.name}.ledger"
        options = ["--ledger", str(self.ledger), "--seconds", str(seconds)]
        self.keys: Mapping[str, str] = {}
        self.command = [sys.executable, str(WORKERS / "billing_worker.py"), *options]
        local = {"type": "command", "command": self.command, "charges": charges}
        farm = {"type": "ray", "worker": "local", "actors": actors}
        settings = {"provider": "farm", "providers": {"local": local, "farm": farm}}
        spec = {"prompt": "a ${n}", "id": "a${n}", "size": "64x64", "matrix": {"n": [str(n) for n in range(images)]}}
        for name, document in (("reconciler.yaml", settings), ("specs/a.yaml", spec)):
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(json.dumps(document))

    @property
    def environ(self) -> Mapping[str, str]:
        known = {name: each for name, each in os.environ.items() if name != "CI" and not name.startswith("RAY_")}
        return {**known, **self.keys, "RECONCILER_TRUSTED_COMMANDS": shlex.join(self.command)}

    def start(self, *options: str) -> subprocess.Popen[str]:
        """An apply."""
        code = "from reconciler.cli.entry_point import entry; entry()"
        command = [PYTHON, "-P", "-c", code, "apply", "--yes", "--max-images", "10000", *options]
        return subprocess.Popen(
            command, cwd=self.root, env=dict(self.environ), text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )

    def apply(self, *options: str) -> tuple[int, str]:
        """The exit code of an apply, and all that it said."""
        with self.start(*options) as running:
            out, err = running.communicate(timeout=300)
            return running.returncode, out + err

    @property
    def billed(self) -> Counter[str]:
        """How often each asset was paid for."""
        return Counter(self.ledger.read_text().split()) if self.ledger.exists() else Counter()

    @property
    def locked(self) -> dict[str, Any]:
        lock = self.root / "assets.lock"
        assets: dict[str, Any] = json.loads(lock.read_text())["assets"] if lock.exists() else {}
        return assets

    def left(self) -> list[str]:
        """The command lines of processes that draw for this project, wherever they are started from."""
        return [words for pid, words in commands().items() if str(self.ledger) in words and pid != os.getpid()]


def commands() -> dict[int, str]:
    """Every process with its command line."""
    found = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with suppress(OSError):
                words = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
                if words:
                    found[int(entry.name)] = words
    return found


def parents() -> dict[int, int]:
    """Every process with its parent."""
    found = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with suppress(OSError, IndexError):
                found[int(entry.name)] = int((entry / "stat").read_text().rpartition(") ")[2].split()[1])
    return found


def below(top: int) -> dict[int, str]:
    """The processes that a process has started, with those that they have started, by number."""
    parent, words = parents(), commands()
    found: set[int] = {top}
    while True:
        more = {pid for pid, up in parent.items() if up in found} - found
        if not more:
            return {pid: words[pid] for pid in found - {top} if pid in words}
        found |= more


KINDS = {
    "actor": "ray::PoolWorker",
    "program": "billing_worker.py",
    "ray": "ray_pool.process",
    "raylet": "raylet/raylet",
    "gcs": "gcs/gcs_server",
}
"""Whom a schedule can kill below an apply, by a part of the command line."""


def of_kind(top: int, kind: str) -> list[int]:
    """The processes of a kind below an apply, and the apply itself as `driver`."""
    if kind == "driver":
        return [top]
    return sorted(pid for pid, words in below(top).items() if KINDS[kind] in words)


def kill_processes(pids: list[int]) -> int:
    """Kill them; how many there were."""
    killed = 0
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
            killed += 1
    return killed


def gone(pids: list[int], *, seconds: float) -> list[int]:
    """Those of the processes that are there after so many seconds."""
    end = time.monotonic() + seconds
    while True:
        left = [pid for pid in pids if Path(f"/proc/{pid}/cmdline").exists() and _lives(pid)]
        if not left or time.monotonic() > end:
            return left
        time.sleep(0.1)


def _lives(pid: int) -> bool:
    """Whether it is more than an entry that nobody has waited for."""
    with suppress(OSError, IndexError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()[0] != "Z"
    return False
