"""The live view of an apply on a terminal: a progress bar, and a line with the requests in flight."""

from __future__ import annotations

import time

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from reconciler.core.digest import AssetId
from reconciler.core.events import Event, Failed, Noted, Published, Started
from reconciler.core.text import one_line, printable
from reconciler.report.apply_summary import failed_line

_SHOWN = 3


class Live:
    """A core.ports.Log that draws on stderr. `total` is the number of steps."""

    def __init__(self, total: int) -> None:
        console = Console(stderr=True)
        self._progress = Progress(
            SpinnerColumn(),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.description}"),
            console=console,
            transient=True,
        )
        self._task = self._progress.add_task("", total=total)
        self._in_flight: dict[AssetId, float] = {}
        self._progress.start()

    def record(self, event: Event) -> None:
        """Draw one event."""
        match event:
            case Started(asset=asset):
                self._in_flight[asset] = time.monotonic()
            case Published(asset=asset, entry=entry, how=how):
                self._end(asset, f"{how} {printable(asset)} -> {printable(entry.output)}")
            case Failed(asset=asset):
                self._end(asset, failed_line(event))
            case Noted(asset=asset, text=text):
                self._progress.console.print(escape(f"  {printable(asset)} {one_line(text, 300)}"), highlight=False)
            case _:
                return
        self._describe()

    def close(self) -> None:
        """Remove the bar from the terminal."""
        self._progress.stop()

    def _end(self, asset: AssetId, line: str) -> None:
        self._in_flight.pop(asset, None)
        self._progress.console.print(escape(line), highlight=False)
        self._progress.advance(self._task)

    def _describe(self) -> None:
        names = [printable(asset) for asset in list(self._in_flight)[:_SHOWN]]
        more = len(self._in_flight) - len(names)
        text = ", ".join(names) + (f" and {more} more" if more > 0 else "")
        self._progress.update(self._task, description=escape(text))
