"""Show derived files as they are made: a bar on a terminal, plain lines elsewhere, nothing for programs."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable

from reconciler.cli.streams import echo
from reconciler.cli.tally import duration
from reconciler.core.derived.work import DeriveFailure
from reconciler.engine.deriving import DerivingProgress

_QUIET_SECONDS = 15.0
"""The time between two lines about progress."""
_SOONEST = 2.0


class SilentFiles:
    """A progress that shows nothing."""

    def made(self, name: str, paths: tuple[str, ...]) -> None:
        """See DerivingProgress."""

    def failed(self, name: str, failure: DeriveFailure) -> None:
        """See DerivingProgress."""

    def close(self) -> None:
        """See DerivingProgress."""


class PlainFiles:
    """A line on stderr from time to time. `total` is the number of files."""

    def __init__(self, total: int, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._total = total
        self._done = 0
        self._clock = clock
        self._began = self._last = clock()

    def made(self, name: str, paths: tuple[str, ...]) -> None:
        """See DerivingProgress."""
        self._done += len(paths)
        now = self._clock()
        if now - self._last >= _QUIET_SECONDS and self._done < self._total:
            self._last = now
            echo(f"[{self._done:,}/{self._total:,}] derived files{self._left(now)}", err=True, prose=True)

    def failed(self, name: str, failure: DeriveFailure) -> None:
        """See DerivingProgress. The summary says it."""

    def close(self) -> None:
        """Nothing to close."""

    def _left(self, now: float) -> str:
        passed = now - self._began
        if not self._done or passed < _SOONEST:
            return ""
        return f", about {duration(passed / self._done * (self._total - self._done))} left"


def open_files(format_: str, total: int, *, quiet: bool) -> DerivingProgress:
    """The display of a run that makes `total` files."""
    if format_ == "json" or quiet or not total:
        return SilentFiles()
    if sys.stderr.isatty() and os.environ.get("TERM") != "dumb":
        from reconciler.cli.live import LiveFiles  # noqa: PLC0415 - rich is for a terminal only

        return LiveFiles(total)
    return PlainFiles(total)
