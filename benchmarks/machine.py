"""What the figures were measured on: processor, memory, file system, versions."""

from __future__ import annotations

import json
import os
import platform
import resource
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from benchmarks.places import DATA, PEERS, REPOSITORY, peer

_OURS = ("click", "PyYAML", "jsonschema", "jsonschema-rs", "httpx", "pillow", "pybase64")
_VERSIONS = {"ninja": "--version", "make": "--version", "git": "--version", "doit": "--version", "dvc": "--version"}


@dataclass(frozen=True, slots=True)
class Machine:
    """Lines of facts; `floor_mb` is our own memory, below which that of a child cannot be told."""

    facts: tuple[str, ...]
    floor_mb: float


def machine() -> Machine:
    """This machine, now."""
    return Machine(tuple(_facts()), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


def _facts() -> Iterator[str]:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    yield f"{_processor()}, {os.cpu_count()} cores, {memory:.0f} GB; {platform.system()} {platform.release()}"
    yield f"the projects lie on {_file_system(DATA)}"
    yield f"Python {platform.python_version()}; " + ", ".join(f"{name} {version(name)}" for name in _OURS)
    yield "; ".join(filter(None, (*(_peer(name, flag) for name, flag in _VERSIONS.items()), _sharp())))


def _processor() -> str:
    for line in _read("/proc/cpuinfo").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _file_system(folder: Path) -> str:
    best, kind = "", "an unknown file system"
    for line in _read("/proc/mounts").splitlines():
        _, mount, name, *_ = line.split()
        if str(folder).startswith(mount) and len(mount) >= len(best):
            best, kind = mount, name
    return kind


def _read(path: str) -> str:
    try:
        return Path(path).read_text()
    except OSError:
        return ""


def _peer(name: str, flag: str) -> str:
    program = peer(name)
    if program is None:
        return ""
    said = subprocess.run([program, flag], capture_output=True, text=True, check=False).stdout.splitlines()
    return f"{name} {said[0].removeprefix('git version ').removeprefix('GNU Make ')}" if said else ""


def _sharp() -> str:
    """A module of node, not a program."""
    text = _read(str(PEERS.parent / "node_modules/sharp/package.json"))
    return f"sharp {json.loads(text)['version']}" if text else ""


def moment() -> str:
    """When, of what, and beside how much other work (the load over five minutes) something was measured."""
    return f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, commit {_commit()}, load {os.getloadavg()[1]:.1f}"


def _commit() -> str:
    command = ["git", "describe", "--always", "--dirty", "--exclude", "*"]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    return done.stdout.strip() or "unknown"
