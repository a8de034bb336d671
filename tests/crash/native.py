"""Compile the two C tools when they are needed, and run a command under them."""

from __future__ import annotations

import functools
import hashlib
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

HERE = Path(__file__).parent
STATE_BYTES = 512
LIMIT = 60.0
"""Seconds that one command may take before it counts as hung."""


class Unavailable(Exception):
    """The tools cannot work here; the text says why. Tests skip with it."""


class Hung(Exception):
    """A command did not end."""


@dataclass(frozen=True, slots=True)
class Ran:
    """How a command ended. `killed_at` names the syscall that never happened, or is "". `count` is of entries."""

    exit: int
    stdout: str
    stderr: str
    count: int = 0
    killed_at: str = ""


class Keep(Enum):
    """How long a disk fault lasts."""

    ONCE = "0"
    STICKY = "1"


@dataclass(frozen=True, slots=True)
class Fault:
    """What goes wrong: the error, at which matching call (0: only count), how long, among which calls."""

    error: str
    at: int = 0
    keep: Keep = Keep.ONCE
    calls: str = "any"


@dataclass(frozen=True, slots=True)
class Faulted:
    """What the shim saw: matching calls, calls that it failed, and the first of those."""

    ran: Ran
    seen: int
    injected: int
    first: str


def compiled(source: Path, flags: Sequence[str]) -> Path:
    compiler = shutil.which(os.environ.get("CC", "cc"))
    if compiler is None:
        raise Unavailable("there is no C compiler (cc)")
    digest = hashlib.sha256(source.read_bytes() + " ".join([compiler, *flags]).encode()).hexdigest()[:16]
    folder = Path(tempfile.gettempdir()) / f"reconciler-crash-tools-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    if folder.stat().st_uid != os.getuid():
        raise Unavailable(f"{folder} belongs to somebody else")
    target = folder / f"{source.stem}-{digest}"
    if target.exists():
        return target
    with tempfile.NamedTemporaryFile(dir=folder, delete=False) as made:
        command = [compiler, "-O2", "-Wall", "-Wextra", "-o", made.name, str(source), *flags]
    built = subprocess.run(command, capture_output=True, text=True, check=False)
    if built.returncode:
        raise Unavailable(f"{source.name} does not compile here: {built.stderr.strip()[:400]}")
    return Path(made.name).replace(target)  # atomic: other test processes do the same


@functools.cache
def killer() -> Path:
    """The ptrace tool, tried once."""
    tool = compiled(HERE / "killer.c", [])
    tried = subprocess.run([tool, "--count", "--", "/bin/true"], capture_output=True, text=True, check=False)
    if tried.returncode:
        raise Unavailable(tried.stderr.strip() or f"the ptrace tool ends with {tried.returncode}")
    return tool


@functools.cache
def shim() -> Path:
    """The preload library."""
    return compiled(HERE / "faults.c", ["-shared", "-fPIC", "-ldl"])


def execute(command: Sequence[str | Path], *, env: Mapping[str, str], cwd: Path) -> Ran:
    """Run a command as it is."""
    try:
        ended = subprocess.run(
            [str(part) for part in command], env=env, cwd=cwd, capture_output=True, timeout=LIMIT, check=False,
            stdin=subprocess.DEVNULL,
        )  # fmt: skip
    except subprocess.TimeoutExpired as error:
        raise Hung(f"did not end in {LIMIT:.0f} s: {' '.join(map(str, command))}") from error
    code = 128 - ended.returncode if ended.returncode < 0 else ended.returncode
    return Ran(code, ended.stdout.decode(errors="replace"), ended.stderr.decode(errors="replace"))


def _under_killer(options: Sequence[str | Path], command: Sequence[str], env: Mapping[str, str], root: Path) -> Ran:
    with tempfile.NamedTemporaryFile(mode="r", suffix=".report") as report:
        head = [killer(), *options, "--filter", root, "--report", report.name, "--"]
        ran = execute([*head, *command], env=env, cwd=root)
        said = report.read()
    if not said:
        raise Unavailable(ran.stderr.strip() or "the ptrace tool died")
    told = json.loads(said)
    return Ran(ran.exit, ran.stdout, ran.stderr, told["count"], told["killed_at"])


def count(command: Sequence[str], *, root: Path, env: Mapping[str, str]) -> Ran:
    """Run to the end; count the entries of file syscalls below `root` and of network syscalls."""
    return _under_killer(["--count"], command, env, root)


def kill_at(point: int, command: Sequence[str], *, root: Path, env: Mapping[str, str]) -> Ran:
    """Run, and kill the whole process tree at the entry number `point`; `killed_at` is "" if it ended before."""
    return _under_killer(["--kill-at", str(point)], command, env, root)


def record(command: Sequence[str], *, root: Path, env: Mapping[str, str], trace: Path, watch: Path) -> Ran:
    """Run to the end and write the trace (read it with trace.load). `watch` is the file whose size each call notes."""
    return _under_killer(["--trace", trace, "--watch", watch], command, env, root)


def disturb(fault: Fault, run: Callable[[Mapping[str, str]], Ran], *, paths: Sequence[Path]) -> Faulted:
    """Run with a failing disk below `paths`: `run` with this added to its environment."""
    with tempfile.NamedTemporaryFile(suffix=".faults") as state:
        state.write(bytes(STATE_BYTES))
        state.flush()
        told = {
            "LD_PRELOAD": str(shim()), "FAULT_STATE": state.name, "FAULT_ERROR": fault.error, "FAULT_AT": str(fault.at),
            "FAULT_STICKY": fault.keep.value, "FAULT_CALLS": fault.calls,
            "FAULT_PATHS": ":".join(str(path.resolve()) for path in paths),
        }  # fmt: skip
        ran = run(told)
        after = Path(state.name).read_bytes()
    seen, injected = (int.from_bytes(after[at : at + 8], "little") for at in (0, 8))
    return Faulted(ran, seen, injected, after[16:].split(b"\0")[0].decode(errors="replace"))
