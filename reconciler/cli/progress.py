"""Show an apply while it runs: plain lines in CI, JSON lines for programs, a live view on a terminal."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from typing import Any, Protocol

from reconciler.cli.event_lines import EventLines
from reconciler.cli.streams import echo
from reconciler.cli.tally import Tally
from reconciler.core.events import AnswerRecorded, Ended, Event, Failed, Noted, Published, Requested, Started, Stored
from reconciler.core.json_text import json_text
from reconciler.report.plan_view import Verbosity

_PARTS = 5
"""How often an apply of many steps reports its progress."""
_QUIET_SECONDS = 60.0
"""The longest time without a line about progress, if anything happens."""


class Progress(Protocol):
    """A core.ports.Log for the caller of an apply; closed at its end."""

    def record(self, event: Event) -> None: ...

    def say(self, text: str) -> None: ...

    def close(self) -> None: ...


class Plain:
    """Lines on stderr: one for each asset that ends, or for a part of many. `total` is the number of steps."""

    def __init__(self, total: int, verbosity: Verbosity, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._tally = Tally(total, clock=clock)
        self._lines = EventLines(total, verbosity)
        self._parts = not self._lines.every_step and verbosity is not Verbosity.QUIET
        self._clock = clock
        self._last = clock()

    def record(self, event: Event) -> None:
        before = self._tally.ended
        self._tally.record(event)
        ended, total = self._tally.ended, self._tally.total
        line = self._lines.line(event)
        if line:
            self.say(f"[{ended}/{total}] {line}" if ended > before else line)
        late = self._clock() - self._last >= _QUIET_SECONDS
        if self._parts and ended < total and (late or ended * _PARTS // total > before * _PARTS // total):
            self._last = self._clock()
            self.say(f"[{ended}/{total}] {self._tally.numbers()}".rstrip())

    def say(self, text: str) -> None:
        """Print one line."""
        echo(text, err=True, prose=True)

    def close(self) -> None:
        """Nothing to close."""


class JsonLines:
    """One JSON object for each event, on stdout."""

    def record(self, event: Event) -> None:
        if not isinstance(event, Requested | Stored | Ended):  # the journal has these; they come from other threads
            echo(json_text(_event_json(event)))

    def say(self, text: str) -> None:
        """Print one line for people."""
        echo(text, err=True, prose=True)

    def close(self) -> None:
        """Nothing to close."""


def _event_json(event: Event) -> dict[str, Any]:
    match event:
        case Published(asset=asset, entry=entry, how=how):
            return {"event": how, "asset": asset, "output": entry.output, "content": entry.content}
        case Failed(asset=asset, outcome=outcome, message=message):
            return {"event": "failed", "asset": asset, "outcome": outcome, "words": message}
        case Noted(asset=asset, text=text):
            return {"event": "note", "asset": asset, "text": text}
        case Started(asset=asset, action=action):
            return {"event": "started", "asset": asset, "action": action}
        case AnswerRecorded(asset=asset, answer=answer):
            return {"event": answer.kind.value, "asset": asset, "words": answer.message}
        case _:
            return {"event": type(event).__name__.lower()}


def open_progress(format_: str, total: int, verbosity: Verbosity) -> Progress:
    """JSON lines for the format `json`; otherwise a live view on a terminal, and plain lines elsewhere."""
    if format_ == "json":
        return JsonLines()
    if sys.stderr.isatty() and verbosity is not Verbosity.QUIET and os.environ.get("TERM") != "dumb":
        from reconciler.cli.live import Live  # noqa: PLC0415 - rich is for a terminal only

        return Live(total, verbosity)
    return Plain(total, verbosity)
