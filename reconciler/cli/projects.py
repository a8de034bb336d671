"""One command for several projects: `reconciler -C a -C b plan`."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from reconciler.cli.streams import echo
from reconciler.core.errors import Exit, ProjectError
from reconciler.core.text import printable
from reconciler.report.formats import FINDING_FORMATS, REPORTS

_COMMANDS = ("plan", "check", "apply")
_WORST = (Exit.BUG, Exit.INTERRUPTED, Exit.ERROR, Exit.RUNNING, Exit.CONSENT, Exit.DRIFT, Exit.DONE)
_WORDS = {
    Exit.BUG: "a bug",
    Exit.INTERRUPTED: "interrupted",
    Exit.ERROR: "failed",
    Exit.RUNNING: "another apply is running",
    Exit.CONSENT: "needs a decision",
    Exit.DRIFT: "something is left to do",
    Exit.DONE: "done",
}

RunOne = Callable[[list[str], list[str]], int]
"""Runs the command of these arguments; adds the last line of its report to the list; its exit code."""


def split_directories(arguments: Sequence[str]) -> tuple[list[str], list[str]]:
    """The directories of `-C` before the command, and all other arguments."""
    rest, found = list(arguments), []
    while rest:
        if rest[0] in ("-C", "--directory") and len(rest) > 1:
            found.append(rest[1])
            del rest[:2]
        elif rest[0].startswith("--directory="):
            found.append(rest.pop(0).partition("=")[2])
        else:
            break
    return found, rest


def run_projects(directories: Sequence[str], arguments: list[str], run: RunOne) -> int:
    """Run a command in each directory, and print a summary; the worst exit code. Ctrl-C ends it at once."""
    if not arguments or arguments[0] not in _COMMANDS:
        fact = f"only {', '.join(_COMMANDS)} take several -C"
        raise ProjectError(fact, hint="run the command once for each project")
    if any(word.startswith("--report") for word in arguments):
        raise ProjectError("several -C take no --report", hint="run the command once for each project")
    formats = {*REPORTS["check"], *FINDING_FORMATS} - {"text"}
    silent = {
        *formats,
        *(f"--format={name}" for name in formats),
        "-h",
        "--help",
        *(("-q", "--quiet") if arguments[0] == "check" else ()),
    }
    text = silent.isdisjoint(arguments)
    summary: list[str] = []
    codes: list[Exit] = []
    width = max(map(len, directories))
    for number, directory in enumerate(directories):
        if text:
            echo(f"{chr(10) if number else ''}{printable(directory)}:")
        last: list[str] = []
        codes.append(Exit(run(["-C", directory, *arguments], last)))
        line = last[-1] if last else _WORDS[codes[-1]]
        summary.append(f"  {printable(directory):<{width}}  {line}")
        if codes[-1] is Exit.INTERRUPTED:
            break
    if text:
        for line in ("", f"{len(directories)} projects:", *summary):
            echo(line, prose=True)
    return min(codes, key=_WORST.index)
