"""A line that counts, for commands that copy or read many images: on a terminal only."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

from reconciler.cli.streams import echo

_SECONDS = 1.0


def counted_progress(
    verb: str, format_: str, *, clock: Callable[[], float] = time.monotonic
) -> Callable[[int, int], None]:
    """A function to call with the number done and the number of all. It prints at most once a second."""
    shown = clock()

    def done(number: int, total: int) -> None:
        nonlocal shown
        if format_ == "text" and sys.stderr.isatty() and number < total and clock() - shown >= _SECONDS:
            shown = clock()
            echo(f"{verb} {number:,} of {total:,}", err=True)

    return done
