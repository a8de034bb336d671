"""The errors that a user can see, and the exit code of each.

ReconcilerError                      1
 ├─ InvalidInput (problems)          1   specs, reconciler.yaml: all problems at once, each with its place
 ├─ ProjectError                     1   no project here, a layout that cannot work, bad usage of a command
 ├─ LockfileError                    1   assets.lock cannot be read or merged
 ├─ DiskError                        1   the file system refused; the message may name a rescue file with paid bytes
 │   └─ Unsent                       1   … before a byte of a paid request was written
 ├─ BucketError                      1   the team's store: nothing was bought because of it
 │   ├─ BucketDenied                 1   … its credentials are missing, wrong, or do not allow this
 │   └─ BucketUnreachable            1   … it did not answer; the same command may succeed later
 ├─ ConsentNeeded                    3   in doubt, over budget: the user must consent
 └─ ApplyRunning                     4   another apply holds the lock
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from enum import IntEnum
from itertools import islice

from reconciler.core.suggest import EAGER, did_you_mean
from reconciler.core.text import printable
from reconciler.core.value import field as value_field
from reconciler.core.value import replace, value

MAX_PROBLEMS = 1_000
"""The most problems that are collected and shown."""
_PLACES = 3
"""The most places of the same fact that are shown one by one."""
_SUGGESTED = 20
"""The most problems that get a suggestion chosen from many names."""
_LONGEST = 1_000
"""The most characters shown of a fact or a field."""


class Exit(IntEnum):
    """The exit codes of a command. Also: 130, interrupted."""

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
    """One error in a file: place, field, fact, and a hint.

    Each text is shown on one line. `unknown` is a name that is not among `names`; a suggestion takes the hint's place
    once `suggested` has computed it. `asset` is the first asset that has the problem, "" for a problem of none, and
    `others` is the number of further ones.
    """

    place: Place
    field: str
    fact: str
    hint: str = ""
    unknown: str = value_field(default="", compare=False, repr=False)
    names: Collection[str] = value_field(default=(), compare=False, repr=False)
    asset: str = value_field(default="", compare=False, repr=False)
    others: int = value_field(default=0, compare=False, repr=False)

    def __lt__(self, other: Problem) -> bool:
        return (self.place, self.field, self.fact, self.hint) < (other.place, other.field, other.fact, other.hint)

    def __str__(self) -> str:
        name = f"{_shown(self.field)}: " if self.field else ""
        hint = f"\n  hint: {_shown(self.hint)}" if self.hint else ""
        return f"{self.place}: {name}{_shown(self.fact)}{self._assets()}{hint}"

    def _assets(self) -> str:
        """The assets, unless place and field name the only one."""
        file, _, key = self.asset.partition("#")
        named = self.place.file.rpartition(".")[0].endswith(f"/{file}") and key in self.field
        if not self.asset or (named and not self.others):
            return ""
        more = f" and {self.others:,} more asset{'' if self.others == 1 else 's'}" if self.others else ""
        return f" ({_shown(self.asset)}{more})"

    def suggested(self) -> Problem:
        """The same problem with its suggestion computed."""
        hint = did_you_mean(self.unknown, self.names) if self.unknown else ""
        return replace(self, hint=hint or self.hint, unknown="", names=())


def _shown(text: str) -> str:
    """The text on one line, cut to a readable length: a field may hold a megabyte."""
    if len(text) > _LONGEST:
        text = f"{text[: _LONGEST // 2]} … {text[-_LONGEST // 2 :]}"
    return printable(text)


def unknown_name(problem: Problem, name: str, names: Collection[str]) -> Problem:
    """The problem of a name that is none of `names`. With few names it gets its suggestion at once, with many it gets
    one if it is among the first that are shown."""
    found = replace(problem, unknown=name, names=names)
    return found.suggested() if len(names) <= EAGER else found


class Problems:
    """Problems, each once, with the number of assets that have it."""

    def __init__(self, problems: Iterable[Problem] = ()) -> None:
        self._found: dict[Problem, Problem] = {}
        self.update(problems)

    def update(self, problems: Iterable[Problem]) -> None:
        """Add problems; one that is there already counts for a further asset."""
        for problem in problems:
            known = self._found.get(problem)
            if known is None:
                self._found[problem] = problem
            elif problem.asset and known.asset:
                self._found[problem] = replace(known, others=known.others + problem.others + 1)
            else:
                self._found[problem] = known if known.asset else problem

    def __len__(self) -> int:
        return len(self._found)

    def __iter__(self) -> Iterator[Problem]:
        return iter(self._found.values())


def first_problems(problems: Iterable[Problem], already: int = 0) -> list[Problem]:
    """As many problems as fit beside those found `already`; the rest is not computed."""
    return list(islice(problems, max(0, MAX_PROBLEMS - already)))


def alike_lines(problems: Iterable[Problem]) -> Iterator[str]:
    """The problems as text. The same fact at more than a few places is shown once, with the other places."""
    alike: dict[tuple[str, str, str], list[Problem]] = {}
    for problem in problems:
        name = problem.field.rpartition(".")[2]
        alike.setdefault((name, problem.fact, problem.hint), []).append(problem)
    for same in alike.values():
        if len(same) <= _PLACES:
            yield from map(str, same)
            continue
        first, *rest = same
        fact, _, hint = str(first).partition("\n")
        yield fact
        more = len(rest) - _PLACES
        places = ", ".join(str(one.place) for one in rest[:_PLACES])
        yield f"  and at {len(rest):,} other places: {places}{f' and {more:,} more' if more > 0 else ''}"
        yield from (hint,) if hint else ()


class ReconcilerError(Exception):
    """An error on which a user can act. `hint` says how; each of `lines` is shown on a line below the fact."""

    exit_code = Exit.ERROR

    def __init__(self, fact: str, *, hint: str = "", lines: Iterable[str] = ()) -> None:
        super().__init__(fact)
        self.fact = fact
        self.hint = hint
        self.lines = tuple(lines)

    def __str__(self) -> str:
        shown = [printable(self.fact), *map(printable, self.lines)]
        return "\n".join([*shown, f"  hint: {printable(self.hint)}"] if self.hint else shown)


class InvalidInput(ReconcilerError):
    """Every problem of every file, sorted by place, up to a limit."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        found = sorted(problems)
        first = found[:MAX_PROBLEMS]
        late = [index for index, problem in enumerate(first) if problem.unknown][:_SUGGESTED]
        for index in late:
            first[index] = first[index].suggested()
        self.problems = tuple(first)
        self.more = len(found) >= MAX_PROBLEMS
        super().__init__("\n".join(alike_lines(self.problems)))

    def __str__(self) -> str:
        rest = f"\nthe first {MAX_PROBLEMS:,} problems; there may be more" if self.more else ""
        return f"{self.fact}{rest}"


class ProjectError(ReconcilerError):
    """No project here, or a command used in a way that cannot work."""


class LockfileError(ReconcilerError):
    """assets.lock cannot be read, or its two sides cannot be merged."""


class DiskError(ReconcilerError):
    """The file system refused. Paid images are in the store, or in the rescue file that the message names."""


class Unsent(DiskError):
    """The file system refused before any byte of a paid request was written: nothing was charged."""


class JobGoesOn(DiskError):
    """The file system refused after a provider had accepted a job: the job goes on, and a later run collects it."""


class BucketError(ReconcilerError):
    """The team's store cannot be used for this. No message holds a credential or a signed URL."""


class BucketDenied(BucketError):
    """The credentials are missing or wrong, or they do not allow this."""


class BucketUnreachable(BucketError):
    """The team's store did not answer, or not completely: the same call may succeed later."""


class ConsentNeeded(ReconcilerError):
    """The next step may cost money to which the user has not consented."""

    exit_code = Exit.CONSENT


class ApplyRunning(ReconcilerError):
    """Another apply holds the lock."""

    exit_code = Exit.RUNNING
