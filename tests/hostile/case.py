"""One hostile pull request, the commands that meet it, and the rules that must hold whatever it contains."""

from __future__ import annotations

import hashlib
import os
import re
import resource
import signal
import subprocess
import sys
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path

from tests.crash.fork_server import ForkServer

ROOT = Path(__file__).parents[2]
CANARY = "canary_5b1f0c"
"""In a file beside the project and in the environment's keys: it must turn up in no output and in no file."""
CPU_SECONDS = 2.0
MEMORY_MIB = 300
_WALL_LIMIT = 60
_LAUNCHER = """
import os, sys
used, *command = sys.argv[1:]
_, status, usage = os.wait4(os.posix_spawn(command[0], command, os.environ), 0)
with open(used, "w") as file:
    print(os.waitstatus_to_exitcode(status), usage.ru_utime + usage.ru_stime, usage.ru_maxrss, file=file)
"""
"""Linux counts the memory of a process from its fork on: with a small parent it is that of the program."""
LIMITS = {resource.RLIMIT_CPU: 20, resource.RLIMIT_AS: 4 << 30, resource.RLIMIT_CORE: 0}
_PROGRAM = f"""
import sys
from resource import *
for name, most in {LIMITS}.items():
    setrlimit(name, (most, most))
sys.path.insert(0, {str(ROOT)!r})
from reconciler.cli.entry_point import entry
entry()
"""
_PROTECTED = (".git/config", ".git/HEAD", ".git/hooks", ".github", "reconciler.yaml", "specs", "Makefile", "src")
_OURS = frozenset({0, 1, 2, 3, 4})


@dataclass(frozen=True)
class Case:
    """`build` writes the project into an empty folder. `says` maps a command to text that it must print."""

    name: str
    build: Callable[[Path], None]
    commands: tuple[str, ...] = ("validate", "check", "plan")
    says: Mapping[str, str] | None = None
    codes: frozenset[int] = _OURS
    cpu: float = CPU_SECONDS
    memory: int = MEMORY_MIB
    environ: Mapping[str, str] | None = None
    output_limit: int = 1 << 20
    server: Callable[[], AbstractContextManager[str]] | None = None
    """A server that runs beside the commands; its origin takes the place of `SERVER` in `reconciler.yaml`."""
    holds: Callable[[Path], Iterator[str]] | None = None
    """What is wrong with the project after the commands."""


@dataclass(frozen=True)
class Ran:
    """One command: `cpu` in seconds with its children's, `memory` in MiB at the peak."""

    command: str
    code: int
    out: str
    err: str
    cpu: float
    memory: float


@dataclass(frozen=True)
class Outcome:
    """What a case came to: its costliest command, and each rule that was broken."""

    case: Case
    runs: tuple[Ran, ...]
    broken: tuple[str, ...]


def meet(case: Case, folder: Path, forking: ForkServer | None = None) -> Outcome:
    """Build the project in an empty folder and run its commands, as whole processes or as forks of a server; `folder`
    is the world that must not change."""
    project = folder / "project"
    project.mkdir(parents=True)
    (folder / "secret.txt").write_text(CANARY)
    outside = folder / "outside"
    outside.mkdir()
    (outside / "kept.png").write_bytes(b"somebody's")
    case.build(project)
    runs, broken = [], []
    with case.server() if case.server is not None else nullcontext("") as origin:
        settings = project / "reconciler.yaml"
        if origin:
            settings.write_text(settings.read_text("utf-8").replace("SERVER", origin), "utf-8")
        before = _digests(folder, project)
        for command in case.commands:
            ran = _run(command.split(" "), project, case, forking)
            runs.append(ran)
            broken += [f"{command}: {fact}" for fact in _broken_by(case, ran)]
    broken += case.holds(project) if case.holds is not None else ()
    after = _digests(folder, project)
    changed = sorted(name for name in {*before, *after} if before.get(name) != after.get(name))
    broken += [f"changed: {name}" for name in changed]
    broken += [f"the canary is in {name}" for name in _leaks(project)]
    return Outcome(case, tuple(runs), tuple(broken))


def _run(arguments: list[str], project: Path, case: Case, forking: ForkServer | None) -> Ran:
    environ = {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "HOME": str(project.parent / "home"),
        "LC_ALL": "C.UTF-8",
        "GRAVITEX_API_KEY": f"sk-{CANARY}",
        **(case.environ or {}),
    }
    if forking is not None:
        ended = forking.run(["reconciler", *arguments], env=environ, cwd=project, limits=LIMITS)
        out, err = (text[: case.output_limit + 1] for text in (ended.stdout, ended.stderr))
        return Ran(" ".join(arguments), ended.exit, out, err, ended.cpu, ended.memory / 1024)
    return _run_whole(arguments, project, case, environ)


def _run_whole(arguments: list[str], project: Path, case: Case, environ: Mapping[str, str]) -> Ran:
    out, err, used = (project.parent / name for name in ("out.txt", "err.txt", "used.txt"))
    with out.open("wb") as stdout, err.open("wb") as stderr:
        process = subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", _LAUNCHER, str(used), sys.executable, "-I", "-c", _PROGRAM, *arguments],
            cwd=project, env=environ, stdin=subprocess.DEVNULL, stdout=stdout, stderr=stderr, start_new_session=True,
        )  # fmt: skip
        try:
            process.wait(_WALL_LIMIT)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    code, cpu, memory = used.read_text().split() if used.exists() else ("-9", "inf", "inf")
    texts = [path.read_bytes()[: case.output_limit + 1].decode("utf-8", "replace") for path in (out, err)]
    for path in (out, err, used):
        path.unlink(missing_ok=True)
    return Ran(" ".join(arguments), int(code), texts[0], texts[1], float(cpu), float(memory) / 1024)


def _broken_by(case: Case, ran: Ran) -> Iterator[str]:
    text = ran.out + ran.err
    if ran.code not in case.codes:
        yield f"exit code {ran.code}: {ran.err[-300:]!r}"
    if "Traceback" in text or "a bug in reconciler" in text:
        yield "a traceback or a bug report"
    if ran.cpu > case.cpu:
        yield f"{ran.cpu:.1f} s of CPU"
    if ran.memory > case.memory:
        yield f"{ran.memory:.0f} MiB"
    if len(ran.out) > case.output_limit or len(ran.err) > case.output_limit:
        yield "more output than anybody reads"
    for line in text.splitlines():
        if re.match(r"\s*::", line) or re.search(r"##[A-Za-z]*\[", line):
            yield f"a workflow command: {line[:80]!r}"
    hidden = {
        char for char in text if char != "\n" and unicodedata.category(char) in ("Cc", "Cf", "Cs", "Co", "Zl", "Zp")
    }
    if hidden:
        yield f"unescaped {sorted(map(ascii, hidden))[:5]}"
    if CANARY in text:
        yield "the canary is printed"
    wanted = (case.says or {}).get(ran.command)
    if wanted is not None and wanted not in text:
        yield f"does not say {wanted!r}: {text[-300:]!r}"


def _digests(folder: Path, project: Path) -> dict[str, str]:
    """What nobody may change: everything beside the project, and what in it is not a picture, the lock or our state."""
    found = {}
    for path in folder.rglob("*"):
        inside = path.is_relative_to(project)
        name = str(path.relative_to(project) if inside else path.relative_to(folder))
        if inside and not any(name == one or name.startswith(f"{one}/") for one in _PROTECTED):
            continue
        if path.is_symlink():
            found[name] = os.readlink(path)
        elif path.is_file():
            found[name] = f"{path.stat().st_mode:o} {hashlib.sha256(path.read_bytes()).hexdigest()}"
    return found


def _leaks(project: Path) -> Iterator[str]:
    for path in project.rglob("*"):
        if (
            path.is_file()
            and not path.is_symlink()
            and path.stat().st_size < 1 << 26
            and CANARY.encode() in path.read_bytes()
        ):
            yield str(path.relative_to(project))
