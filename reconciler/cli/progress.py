"""Show an apply while it runs: plain lines in CI, JSON lines for programs, a live view on a terminal."""

from __future__ import annotations

import sys
from typing import Any, Protocol

import click

from reconciler.core.events import AnswerRecorded, Ended, Event, Failed, Noted, Published, Requested, Started, Stored
from reconciler.core.json_text import json_text
from reconciler.core.text import one_line, printable
from reconciler.report.apply_summary import failed_line


class Progress(Protocol):
    """A core.ports.Log for the caller of an apply; closed at its end."""

    def record(self, event: Event) -> None: ...

    def close(self) -> None: ...


class Plain:
    """One line on stderr for each asset that ends. `total` is the number of steps."""

    def __init__(self, total: int) -> None:
        self.total = total
        self.ended = 0

    def record(self, event: Event) -> None:
        line = self._line(event)
        if line:
            click.echo(line, err=True)

    def close(self) -> None:
        """Nothing to close."""

    def _line(self, event: Event) -> str:
        match event:
            case Published(asset=asset, entry=entry, how=how):
                self.ended += 1
                return f"[{self.ended}/{self.total}] {how} {printable(asset)} -> {printable(entry.output)}"
            case Failed():
                self.ended += 1
                return f"[{self.ended}/{self.total}] {failed_line(event)}"
            case Noted(asset=asset, text=text):
                return f"  {printable(asset)}: {one_line(text, 300)}" if asset else f"  {one_line(text, 300)}"
            case _:
                return ""


class JsonLines:
    """One JSON object for each event, on stdout."""

    def record(self, event: Event) -> None:
        click.echo(json_text(_event_json(event)))

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
        case Requested(asset=asset, provider=provider, cost=cost):
            return {"event": "requested", "asset": asset, "provider": provider, "cost": cost or None}
        case Stored(asset=asset, content=content):
            return {"event": "stored", "asset": asset, "content": content}
        case Ended(asset=asset, outcome=outcome, message=message):
            return {"event": "ended", "asset": asset, "outcome": outcome, "words": message}
        case AnswerRecorded(asset=asset, answer=answer):
            return {"event": answer.kind.value, "asset": asset, "words": answer.message}
        case _:
            return {"event": type(event).__name__.lower()}


def open_progress(format_: str, total: int) -> Progress:
    """JSON lines for the format `json`; otherwise a live view on a terminal, and plain lines elsewhere."""
    if format_ == "json":
        return JsonLines()
    if sys.stderr.isatty():
        from reconciler.cli.live import Live  # noqa: PLC0415 - rich is for a terminal only

        return Live(total)
    return Plain(total)
