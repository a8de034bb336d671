"""Where a command's words go: a reader that goes away stops no command, and a disk that is full is said once."""

from __future__ import annotations

import io
import sys
from typing import TYPE_CHECKING

from reconciler.core.errors import DiskError

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer  # collections.abc.Buffer is newer than Python 3.11


class _Output(io.FileIO):
    """A stream that takes everything; what nobody can read any more is dropped."""

    _gone = False

    def write(self, data: ReadableBuffer, /) -> int:
        if not self._gone:
            try:
                return super().write(data)
            except BrokenPipeError:  # `head` has seen enough: an apply goes on, and a check keeps its exit code
                self._gone = True
            except OSError as error:
                self._gone = True
                if self.fileno() == 2:  # there is nowhere left to say it
                    return memoryview(data).nbytes
                why = (error.strerror or str(error)).lower()
                raise DiskError(f"cannot write the output: {why}") from error
        return memoryview(data).nbytes


def open_streams() -> None:
    """Give the process such streams. What the terminal's encoding lacks is written as an escape."""
    for name, fd in (("stdout", 1), ("stderr", 2)):
        stream = getattr(sys, name)
        if isinstance(stream, io.TextIOWrapper):  # None where the descriptor is closed
            raw = _Output(fd, "w", closefd=False)
            buffered = io.BufferedWriter(raw)
            lines = name == "stderr" or raw.isatty()
            fresh = io.TextIOWrapper(buffered, stream.encoding, "backslashreplace", line_buffering=lines)
            setattr(sys, name, fresh)
