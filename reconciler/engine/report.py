"""What came of a run, for the one line at its end and for the exit code."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from enum import Enum

from reconciler.core.digest import AssetId
from reconciler.core.pricing import Cost


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


@dataclass(frozen=True, slots=True)
class Line:
    """One asset's result. `cost` is what was paid now; None is unknown. `words` say what went wrong."""

    asset: AssetId
    result: Result
    cost: Cost | None = None
    words: str = ""
    outcome: str = ""


@dataclass(slots=True)
class Report:
    """Every step that was not a Keep, in the order in which they ended."""

    lines: list[Line] = field(default_factory=list)

    def count(self) -> Counter[Result]:
        """How many ended in each way."""
        return Counter(line.result for line in self.lines)
