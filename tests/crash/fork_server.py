"""Run a Python command many times without paying for its imports: a process that has them, and forks for each run.

As a script (`python -I fork_server.py PACKAGE_FOLDER MODULE FUNCTION PRELOAD...`) it is that process. It reads one JSON
object a line (argv, env, cwd, out, kill_after, limits) and writes one a line (exit, cpu, memory). It imports and forks,
and runs nothing itself, so that no run sees traces of an earlier one.
"""

from __future__ import annotations

import atexit
import contextlib
import ctypes
import gc
import importlib
import json
import os
import resource
import select
import signal
import subprocess
import sys
import tempfile
import threading
import traceback
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

LIMIT = 60.0
NO_LIMITS: Mapping[int, int] = {}
HERE = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True)
class Ended:
    """How one run ended. `cpu` in seconds with its children's; `memory` in KiB at the peak, with what is preloaded."""

    exit: int
    stdout: str
    stderr: str
    cpu: float = 0.0
    memory: int = 0


@dataclass(frozen=True, slots=True)
class ForkServer:
    """A started process; one run at a time."""

    process: subprocess.Popen[str]
    out: Path

    def run(
        self, argv: Sequence[str], *, env: Mapping[str, str], cwd: Path, kill_after: float | None = None,
        limits: Mapping[int, int] = NO_LIMITS,
    ) -> Ended:  # fmt: skip
        """As `argv` in a process of its own, from the first line of the command's function on. SIGKILL after so many
        seconds, if it still runs then; its exit is -9. `limits` are those of setrlimit, by their numbers."""
        assert self.process.stdin is not None and self.process.stdout is not None
        asked = {
            "argv": list(argv), "env": dict(env), "cwd": str(cwd), "out": str(self.out), "kill_after": kill_after,
            "limits": list(limits.items()),
        }  # fmt: skip
        self.process.stdin.write(json.dumps(asked) + "\n")
        self.process.stdin.flush()
        if not select.select([self.process.stdout], [], [], LIMIT)[0]:
            raise TimeoutError(f"did not end in {LIMIT:.0f} s: {' '.join(argv)}")
        ended = json.loads(self.process.stdout.readline())
        out, err = ((self.out / name).read_text("utf-8", errors="replace") for name in ("1", "2"))
        return Ended(ended["exit"], out, err, ended["cpu"], ended["memory"])


@contextlib.contextmanager
def warm(
    package: Path, entry: tuple[str, str], preload: Sequence[str], *, under: Path | None = None
) -> Iterator[ForkServer]:
    """A process that imports from the folder `package`. `under` the shim of native.py, the disk fails in the runs
    whose environment says so; nowhere else."""
    command = [sys.executable, "-I", __file__, str(package), *entry, *preload]
    env = {**os.environ, "LD_PRELOAD": str(under)} if under else None
    with (
        tempfile.TemporaryDirectory(prefix="warm-") as out,
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=env) as process,
    ):
        try:
            yield ForkServer(process, Path(out))
        finally:
            assert process.stdin is not None
            process.stdin.close()


_FREE: dict[tuple[object, ...], list[ForkServer]] = {}
"""Servers that run, and that nothing uses now, by what they were started with."""


@contextlib.contextmanager
def leased(
    package: Path, entry: tuple[str, str], preload: Sequence[str], *, under: Path | None = None
) -> Iterator[ForkServer]:
    """The same, for the package of this repository: a process that was started for an earlier use and stays for the
    next one. A run sees no traces of those before it."""
    if package != HERE:
        with warm(package, entry, preload, under=under) as own:
            yield own
        return
    free = _FREE.setdefault((entry, *preload, under), [])
    try:
        server = free.pop()
    except IndexError:
        starting = warm(package, entry, preload, under=under)
        server = starting.__enter__()
        atexit.register(starting.__exit__, None, None, None)
    yield server
    free.append(server)  # not after a failure: its run may not have ended


def _child(asked: Mapping[str, Any], function: Any) -> int:
    for number in (1, 2):
        fd = os.open(f"{asked['out']}/{number}", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        os.dup2(fd, number)
        os.close(fd)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    for name, most in asked["limits"]:
        resource.setrlimit(name, (most, most))
    os.chdir(asked["cwd"])
    os.environ.clear()
    os.environ.update(asked["env"])
    sys.argv[:] = asked["argv"]
    if "FAULT_STATE" in asked["env"]:
        ctypes.CDLL(None).configure_faults()  # the shim looked at the environment when this process was started
    try:
        code = function()
    except SystemExit as end:
        code = end.code
    except BaseException:
        traceback.print_exc()
        code = 1
    threading._shutdown()  # type: ignore[attr-defined]  # as at the end of any Python: threads, then exit functions
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    return code if isinstance(code, int) else 0 if code is None else 1


def _ends_within(pid: int, seconds: float) -> bool:
    """Whether it has ended; it is not reaped, so that the number stays its own."""
    handle = os.pidfd_open(pid)
    try:
        return bool(select.select([handle], [], [], seconds)[0])
    finally:
        os.close(handle)


def _serve() -> None:
    package, module, name, *preload = sys.argv[1:]
    sys.path.insert(0, package)
    function = getattr(importlib.import_module(module), name)
    for each in preload:
        importlib.import_module(each)
    gc.collect()
    gc.freeze()  # a collection in a child would copy every page of what is shared
    for line in sys.stdin:
        asked = json.loads(line)
        pid = os.fork()
        if pid == 0:
            os._exit(_child(asked, function))
        if asked["kill_after"] is not None and not _ends_within(pid, asked["kill_after"]):
            os.kill(pid, signal.SIGKILL)
        _, status, usage = os.wait4(pid, 0)
        cpu = usage.ru_utime + usage.ru_stime
        print(
            json.dumps({"exit": os.waitstatus_to_exitcode(status), "cpu": cpu, "memory": usage.ru_maxrss}), flush=True
        )


if __name__ == "__main__":
    _serve()
