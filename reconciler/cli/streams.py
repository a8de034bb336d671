"""The output streams of a command: a closed pipe does not stop the command, and a full disk is reported once."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from reconciler.cli.terminal import for_terminal
from reconciler.core.errors import DiskError

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer  # collections.abc.Buffer is newer than Python 3.11


class _Output(io.FileIO):
    """A stream that drops all output after a write has failed."""

    _failed = False

    def write(self, data: ReadableBuffer, /) -> int:
        if not self._failed:
            try:
                return super().write(data)
            except BrokenPipeError:  # as after `| head`: an apply goes on, and a check keeps its exit code
                self._failed = True
            except OSError as error:
                self._failed = True
                if self.fileno() == 2:  # there is no stream left for the message
                    return memoryview(data).nbytes
                reason = (error.strerror or str(error)).lower()
                raise DiskError(f"cannot write the output: {reason}") from error
        return memoryview(data).nbytes


LAST_LINES = "reconciler.last_lines"
"""The key of click's `meta` for the list that takes the last line of a report."""


def open_streams() -> None:
    """Install such streams. Characters that the encoding of the terminal lacks are written as escapes."""
    for name, fd in (("stdout", 1), ("stderr", 2)):
        stream = getattr(sys, name)
        if isinstance(stream, io.TextIOWrapper):  # None where the descriptor is closed
            raw = _Output(fd, "w", closefd=False)
            buffered = io.BufferedWriter(raw)
            lines = name == "stderr" or raw.isatty()
            fresh = io.TextIOWrapper(buffered, stream.encoding, "backslashreplace", line_buffering=lines)
            setattr(sys, name, fresh)


def echo(text: str, *, err: bool = False, prose: bool = False) -> None:
    """Print a line on stdout or stderr. `prose` is broken at spaces and coloured where the stream is a terminal."""
    stream = sys.stderr if err else sys.stdout
    if prose and stream is not None:  # closed by the parent process
        text = for_terminal(text, stream, os.environ)
    click.echo(text, err=err, color=True)


def echo_lines(lines: Sequence[str], *, err: bool = False, prose: bool = False) -> None:
    """Print lines as `echo` does, in one write: a report can have 100,000 of them."""
    stream = sys.stderr if err else sys.stdout
    if prose and stream is not None:
        lines = [for_terminal(line, stream, os.environ) for line in lines]
    if lines:
        click.echo("\n".join(lines), err=err, color=True)


def echo_interrupted() -> None:
    """The message of Ctrl-C. A terminal has shown `^C` on the line before it."""
    terminal = sys.stderr is not None and sys.stderr.isatty()
    click.echo("\ninterrupted" if terminal else "interrupted", err=True)
