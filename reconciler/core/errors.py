"""The errors a user can see, and the exit code that each one ends in.

ReconcilerError                      1
 ├─ InvalidInput (problems)          1   specs, reconciler.yaml: all problems at once, each with its place
 ├─ ProjectError                     1   no project here, a layout that cannot work, bad usage of a command
 ├─ LockfileError                    1   assets.lock cannot be read or merged
 ├─ DiskError                        1   the file system refused; may name where paid bytes were rescued to
 │   └─ Unsent                       1   … before a byte of a paid request was written
 ├─ ConsentNeeded                    3   in doubt, over budget: a person must say so
 └─ ApplyRunning                     4   another apply holds the lock
"""

from __future__ import annotations

from enum import IntEnum

from reconciler.core.text import printable, printable_lines
from reconciler.core.value import value


class Exit(IntEnum):
    """What a command's exit code means. Also: 130 interrupted."""

    DONE = 0
    ERROR = 1
    DRIFT = 2
    CONSENT = 3
    RUNNING = 4
    BUG = 70
    INTERRUPTED = 130


@value
class Place:
    """Where something was written. Lines and columns start at 1; 0 means the file as a whole."""

    file: str
    line: int = 0
    column: int = 0

    def __lt__(self, other: Place) -> bool:
        return (self.file, self.line, self.column) < (other.file, other.line, other.column)

    def __str__(self) -> str:
        file = printable(self.file)
        if not self.line:
            return file
        if not self.column:
            return f"{file}:{self.line}"
        return f"{file}:{self.line}:{self.column}"


@value
class Problem:
    """One thing wrong with what a person wrote: place, field, fact, and a hint that helps."""

    place: Place
    field: str
    fact: str
    hint: str = ""

    def __lt__(self, other: Problem) -> bool:
        return (self.place, self.field, self.fact, self.hint) < (other.place, other.field, other.fact, other.hint)

    def __str__(self) -> str:
        field = f"{printable(self.field)}: " if self.field else ""
        hint = f"\n  hint: {printable_lines(self.hint)}" if self.hint else ""
        return f"{self.place}: {field}{printable_lines(self.fact)}{hint}"


class ReconcilerError(Exception):
    """Something a user can act on. `hint` says how."""

    exit_code = Exit.ERROR

    def __init__(self, fact: str, *, hint: str = "") -> None:
        super().__init__(fact)
        self.fact = fact
        self.hint = hint

    def __str__(self) -> str:
        fact = printable_lines(self.fact)
        return f"{fact}\n  hint: {printable_lines(self.hint)}" if self.hint else fact


class InvalidInput(ReconcilerError):
    """Every problem of every file, sorted by place."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        self.problems = tuple(sorted(problems))
        super().__init__("\n".join(str(problem) for problem in self.problems))


class ProjectError(ReconcilerError):
    """No project here, or a command used in a way that cannot work."""


class LockfileError(ReconcilerError):
    """assets.lock cannot be read, or its two sides cannot be merged."""


class DiskError(ReconcilerError):
    """The file system refused. What was paid for is in the store or in the rescue file that the message names."""


class Unsent(DiskError):
    """The file system refused before any byte of a paid request was written: nothing was charged."""


class ConsentNeeded(ReconcilerError):
    """Going on may cost money that nobody agreed to."""

    exit_code = Exit.CONSENT


class ApplyRunning(ReconcilerError):
    """Another apply holds the lock."""

    exit_code = Exit.RUNNING
