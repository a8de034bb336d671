"""The results of a run, for the summary line and the exit code."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from enum import Enum

from reconciler.core.digest import AssetId
from reconciler.core.errors import DiskError, ReconcilerError
from reconciler.core.money.cost import Cost
from reconciler.core.outcome import (
    BadOutput,
    Done,
    InDoubt,
    Mismatched,
    NotSent,
    Outcome,
    Refused,
    Rejected,
    Running,
    Throttled,
)
from reconciler.core.value import value

DISK_ERROR = DiskError.__name__
"""The outcome of a step that failed on the local disk."""


_ENDINGS: dict[type[Outcome], str] = {
    Done: "made",
    Mismatched: "mismatched",
    NotSent: "not sent",
    Throttled: "rate limited",
    Rejected: "rejected",
    Refused: "refused",
    BadOutput: "bad output",
    InDoubt: "in doubt, it may have been charged",
    Running: "waiting",
}


def outcome_title(outcome: Outcome) -> str:
    """How one request ended, for people."""
    return _ENDINGS[type(outcome)]


class Result(Enum):
    """How one asset's step ended."""

    MADE = "made"
    RESTORED = "restored"
    MOVED = "moved"
    ADOPTED = "adopted"
    UNCHANGED = "unchanged"
    SUBMITTED = "submitted"
    WAITING = "waiting"
    HELD = "held"
    CONFLICT = "in conflict"
    FAILED = "failed"
    BLOCKED = "blocked"
    NOT_SENT = "not sent"
    NOT_STARTED = "not started"


@value
class Line:
    """One asset's result. `cost` is the price of its request in this run, None if unknown or without a request.
    `message` states the failure."""

    asset: AssetId
    result: Result
    cost: Cost | None = None
    message: str = ""
    outcome: str = ""
    hint: str = ""


@dataclass(slots=True)
class Report:
    """Results of all executed steps in the order in which they ended, plus run-level errors."""

    lines: list[Line] = field(default_factory=list)
    errors: list[ReconcilerError] = field(default_factory=list)

    def disk_failed(self, asset: AssetId, error: DiskError) -> None:
        """Add a step that failed on the local disk. The error's fact names the file that holds a paid image."""
        self.lines.append(Line(asset, Result.FAILED, None, error.fact, DISK_ERROR, error.hint))

    def closing_failed(self, error: ReconcilerError) -> None:
        """Add an error of the last save of the lockfile or the journal. Repetitions, and a DiskError after another
        one, are left out."""
        failed_before = any(line.outcome == DISK_ERROR for line in self.lines) or bool(self.errors)
        if failed_before and isinstance(error, DiskError):
            return
        if all(str(error) != str(known) for known in self.errors):
            self.errors.append(error)

    def count(self) -> Counter[Result]:
        """How many ended in each way."""
        return Counter(line.result for line in self.lines)


class StepError(Exception):
    """Ends the step of one asset; the run continues."""

    def __init__(self, result: Result, message: str, outcome: str = "", hint: str = "") -> None:
        super().__init__(message)
        self.result = result
        self.message = message
        self.outcome = outcome
        self.hint = hint
