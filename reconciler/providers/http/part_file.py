"""A download that continues where an earlier one stopped: the file keeps what has come, whatever happens."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import IO

from reconciler.providers.http.spool_file import SpoolFile

_RANGE = re.compile(r"bytes ([0-9]{1,15})-[0-9]{1,15}/([0-9]{1,15}|\*)")
MESSAGE_BYTES = 64 * 1024
"""The most bytes of a response without the file that are kept, for its message."""


class PartFile(SpoolFile):
    """A file that is appended to. `opened` opens it at its end; `size` counts the bytes of this response.

    A response with another range, or with the whole file, begins again. Any other response does not touch the file:
    `message` has its beginning.
    """

    def __init__(self, opened: Callable[[], tuple[Path, IO[bytes]]]) -> None:
        super().__init__(opened)
        self.had = self._file.tell()
        self.message = bytearray()
        self.total: int | None = None
        self._appends = False

    def begin(self, status: int, headers: Mapping[str, str]) -> None:
        """Learn from the head of the response whether the file follows, and from which byte on."""
        told = _RANGE.fullmatch(headers.get("content-range", ""))
        at = int(told[1]) if status == 206 and told else 0
        self._appends = status == 200 or (status == 206 and told is not None and at <= self.had)
        if not self._appends:
            return
        length = headers.get("content-length", "")
        if status == 206 and told is not None and told[2] != "*":
            self.total = int(told[2])
        elif length.isascii() and length.isdigit():
            self.total = at + int(length)
        self._file.seek(at)
        self._file.truncate()
        self.had = at

    def write(self, data: bytes) -> None:
        if self._appends:
            super().write(data)
            return
        self.message += data[: MESSAGE_BYTES - len(self.message)]
        self.size += len(data)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the file. Its bytes stay, also after an exception."""
        self.whole = True
        super().__exit__(kind, error, trace)
