"""The live view of an apply on a terminal: a progress bar, the numbers, and the requests in flight."""

from __future__ import annotations

import os
from collections.abc import Iterable

from rich.console import Console, RenderableType
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TimeElapsedColumn
from rich.text import Text

from reconciler.cli.event_lines import EventLines
from reconciler.cli.tally import Tally
from reconciler.cli.terminal import for_terminal, has_colour
from reconciler.core.derived.work import DeriveFailure
from reconciler.core.events import Event
from reconciler.report.plan_view import Verbosity

_BAR = 40
_BESIDE_BAR = 30
"""Columns for the counts and the time beside the bar."""
_MARGIN = 6
"""Columns that stay free: two on the left, and those on the right where the terminal shows `^C`."""


class Live:
    """A Progress that draws on stderr. `total` is the number of steps."""

    def __init__(self, total: int, verbosity: Verbosity) -> None:
        console = Console(stderr=True, highlight=False)
        console.no_color = not has_colour(console.file, os.environ)
        self._lines = EventLines(total, verbosity)
        self._tally = Tally(total)
        self._bar = _Bar(self._tally, console)
        self._task = self._bar.add_task("", total=total)
        self._bar.start()

    def record(self, event: Event) -> None:
        """Draw one event."""
        self._tally.record(event)
        line = self._lines.line(event)
        if line:
            self.say(line)
        self._bar.update(self._task, completed=self._tally.ended)

    def say(self, text: str) -> None:
        """Print a line above the bar."""
        console = self._bar.console
        console.print(Text.from_ansi(for_terminal(text, console.file, os.environ)), soft_wrap=True)

    def close(self) -> None:
        """Remove the bar from the terminal."""
        self._bar.stop()


class LiveFiles:
    """A DerivingProgress that draws on stderr. `total` is the number of files."""

    def __init__(self, total: int) -> None:
        console = Console(stderr=True, highlight=False)
        console.no_color = not has_colour(console.file, os.environ)
        bar = BarColumn(max(10, min(_BAR, console.width - _BESIDE_BAR)))
        columns = (SpinnerColumn(), bar, MofNCompleteColumn(), TimeElapsedColumn())
        self._done, self._total = 0, total
        self._bar = Progress(*columns, console=console, transient=True)
        self._task = self._bar.add_task("", total=total)
        self._bar.start()

    def made(self, name: str, paths: tuple[str, ...]) -> None:
        """Draw the files of a unit."""
        self._done += len(paths)
        self._bar.update(self._task, completed=self._done)

    def failed(self, name: str, failure: DeriveFailure) -> None:
        """Nothing to draw: the summary says it."""

    def close(self) -> None:
        """Remove the bar from the terminal."""
        self._bar.stop()


class _Bar(Progress):
    def __init__(self, tally: Tally, console: Console) -> None:
        bar = BarColumn(max(10, min(_BAR, console.width - _BESIDE_BAR)))
        columns = (SpinnerColumn(), bar, MofNCompleteColumn(), TimeElapsedColumn())
        self._tally = tally
        self._terminal = console  # `super().__init__` draws already
        super().__init__(*columns, console=console, transient=True)

    def get_renderables(self) -> Iterable[RenderableType]:
        """The bar, and below it what it cannot show."""
        yield self.make_tasks_table(self.tasks)
        room = self._terminal.width - _MARGIN
        for text in (self._tally.numbers(), self._tally.names(room)):
            if text:
                yield Text(f"  {text[:room]}", no_wrap=True)
