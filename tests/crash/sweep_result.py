"""What a sweep found, and how it is told."""

from __future__ import annotations

import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Violation:
    """Where, and what was broken. `kept` is a copy of the project as the second run left it."""

    where: str
    words: tuple[str, ...]
    kept: Path

    def __str__(self) -> str:
        return f"{self.where}\n" + "".join(f"  {words}\n" for words in self.words) + f"  kept: {self.kept}"


Run = tuple[bool, Violation | None]
"""Whether the point was reached, and what was found."""


@dataclass(frozen=True, slots=True)
class Swept:
    """What a sweep found. `missed`: runs that ended before their point was reached: judged, and not counted."""

    points: int
    missed: int
    seconds: float
    workers: int
    violations: tuple[Violation, ...]

    @classmethod
    def of(cls, runs: Sequence[Run], *, began: float, workers: int) -> Swept:
        """What all runs came to, now."""
        points = sum(reached for reached, _ in runs)
        violations = tuple(found for _, found in runs if found)
        return cls(points, len(runs) - points, time.monotonic() - began, workers, violations)

    def __str__(self) -> str:
        each = 1000 * self.seconds * self.workers / max(self.points, 1)
        figures = f"{self.points} points, {len(self.violations)} violations"
        missed = f"; {self.missed} more were not reached" if self.missed else ""
        return f"{figures} ({self.seconds:.0f} s on {self.workers} workers, {each:.0f} ms a point{missed})"


def told(swept: Swept, folder: Path) -> int:
    """Print it; the folder stays only for what is kept in it. The exit code."""
    for violation in swept.violations:
        print(violation)
    print(swept)
    if swept.violations:
        return 1
    shutil.rmtree(folder)
    return 0
