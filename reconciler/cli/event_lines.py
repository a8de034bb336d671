"""The lines of single events of an apply."""

from __future__ import annotations

from reconciler.core.events import Event, Failed, Noted, Published
from reconciler.core.text import one_line, printable
from reconciler.engine.report import DISK_ERROR
from reconciler.report.apply_summary import failed_line
from reconciler.report.plan_view import Verbosity

_FEW = 10
"""With more steps than these, not every one of them has a line."""
_FAILURES = 3
"""The failures that are shown at once where there are many steps; the summary has all of them."""


class EventLines:
    """The line of an event; "" for events that have none."""

    def __init__(self, total: int, verbosity: Verbosity) -> None:
        self.every_step = verbosity is Verbosity.VERBOSE or (verbosity is Verbosity.NORMAL and total <= _FEW)
        self._failures = 0 if verbosity is Verbosity.QUIET else _FAILURES
        self._notes = verbosity is not Verbosity.QUIET

    def line(self, event: Event) -> str:
        match event:
            case Published(asset=asset, entry=entry, how=how) if self.every_step:
                return f"{how} {printable(asset)} -> {printable(entry.output)}"
            case Failed(outcome=outcome):
                self._failures -= 1
                return failed_line(event) if self.every_step or self._failures >= 0 or outcome == DISK_ERROR else ""
            case Noted(asset=asset, text=text) if self._notes:
                return f"  {printable(asset)}: {one_line(text, 300)}" if asset else f"  {one_line(text, 300)}"
            case _:
                return ""
