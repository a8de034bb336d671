"""What came of a run, for the one line at its end and for the exit code."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from enum import Enum

from reconciler.core.digest import AssetId
from reconciler.core.errors import DiskError, ReconcilerError
from reconciler.core.money.cost import Cost
from reconciler.core.outcome import BadOutput, Done, InDoubt, NotSent, Outcome, Refused, Rejected, Throttled
from reconciler.core.value import value

DISK_ERROR = DiskError.__name__
"""The outcome of what our own disk refused."""


_ENDINGS: dict[type[Outcome], str] = {
    Done: "made",
    NotSent: "not sent",
    Throttled: "asked to slow down",
    Rejected: "rejected",
    Refused: "refused",
    BadOutput: "bad output",
    InDoubt: "in doubt, it may have been charged",
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
    HELD = "held"
    CONFLICT = "in conflict"
    FAILED = "failed"
    BLOCKED = "blocked"
    NOT_SENT = "not sent"
    NOT_STARTED = "not started"


@value
class Line:
    """One asset's result. `cost` is what was paid now; None is unknown. `message` say what went wrong, `hint` what
    helps."""

    asset: AssetId
    result: Result
    cost: Cost | None = None
    message: str = ""
    outcome: str = ""
    hint: str = ""


@dataclass(slots=True)
class Report:
    """Every step that was not a Keep, in the order in which they ended, and what went wrong with none of them."""

    lines: list[Line] = field(default_factory=list)
    errors: list[ReconcilerError] = field(default_factory=list)

    def disk_failed(self, asset: AssetId, error: DiskError) -> None:
        """Our own disk refused something of this asset's. What was paid for is where the words say."""
        self.lines.append(Line(asset, Result.FAILED, None, error.fact, DISK_ERROR, error.hint))

    def closing_failed(self, error: ReconcilerError) -> None:
        """The lockfile or the journal could not be brought to its end. A disk that failed before has been told of."""
        told = any(line.outcome == DISK_ERROR for line in self.lines) or bool(self.errors)
        if not (told and isinstance(error, DiskError)) and all(str(error) != str(known) for known in self.errors):
            self.errors.append(error)

    def count(self) -> Counter[Result]:
        """How many ended in each way."""
        return Counter(line.result for line in self.lines)
