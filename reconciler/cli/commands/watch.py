"""`reconciler watch`: after each change show the plan, draw drafts and derive files."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager

import click

from reconciler.cli.streams import echo
from reconciler.core.errors import Exit
from reconciler.core.events import Event
from reconciler.core.ports import Log
from reconciler.project.watch import InputSignature, look_once, seen_by_look, wait_for_change, watched
from reconciler.project.workspace import Workspace, open_workspace


@click.command(epilog="Example:  reconciler watch")
@click.option(
    "--interval",
    type=click.FloatRange(min=0.05),
    default=1.0,
    show_default=True,
    help="Seconds between looks, where the system does not report changes.",
)
@click.option("--once", is_flag=True, help="Look once, and end.")
@click.pass_obj
def command(directory: str | None, /, *, interval: float, once: bool) -> int:
    """After each change of a spec show the plan, draw drafts and derive files. Ctrl-C ends it.

    It spends nothing: only the draft provider is used, with no key and a budget of nothing. With the extra
    `image-reconciler[watch]` the operating system reports changes; without it the project is read every second.
    """

    def opened() -> Workspace:
        return open_workspace(directory, os.environ)

    before: InputSignature | None = None
    while True:
        now = watched(opened)
        if now != before:
            for line in look_once(opened, _silent, lambda _: _Silent()):
                echo(line, prose=True)
            before = seen_by_look(now, watched(opened))
        if once:
            return Exit.DONE
        wait_for_change(now, interval, time.sleep)


class _Silent:
    """A display of nothing: the summary says what was done."""

    def record(self, event: Event) -> None:
        """Nothing is shown."""

    def made(self, name: str, paths: tuple[str, ...]) -> None:
        """Nothing is shown."""

    def failed(self, name: str, failure: object) -> None:
        """Nothing is shown."""

    def close(self) -> None:
        """Nothing is shown."""


@contextmanager
def _silent(_: int) -> Iterator[Log]:
    yield _Silent()
