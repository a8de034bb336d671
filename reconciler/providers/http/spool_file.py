"""Write a response to a file of the spool. A failed write is a DiskError; an abandoned file is deleted."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from io import BufferedReader
from pathlib import Path
from types import TracebackType
from typing import IO, Self

import pybase64

from reconciler.core.digest import content_of_hex
from reconciler.core.errors import DiskError
from reconciler.core.outcome import Spooled
from reconciler.imaging.regular_file import open_regular
from reconciler.providers.http.request import READ_BYTES, Piece, RawFile


class SpoolFile:
    """A new file of the spool, as a context manager. It is closed at the end, and deleted after an exception unless it
    is complete (`whole`)."""

    def __init__(self, opened: Callable[[], tuple[Path, IO[bytes]]]) -> None:
        try:
            self.path, self._file = opened()
        except OSError as error:
            raise DiskError(f"no file for the provider's answer: {error.strerror}") from error
        self.size = 0
        self.whole = False

    def begin(self, status: int, headers: Mapping[str, str]) -> None:
        """Called with the head of the response, before its first byte. The names of the headers are in lower case."""

    def write(self, data: bytes) -> None:
        try:
            self._file.write(data)
        except OSError as error:
            raise _refused(error) from error
        self.size += len(data)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._file.close()
        except OSError as refusal:  # a full disk may be reported only here
            raise _refused(refusal) from refusal
        finally:
            given, self.path = self.path, Path(self._file.name)
            if kind is not None and not self.whole:
                unlink(given)
                unlink(self.path)


@contextmanager
def open_picture(path: Path) -> Iterator[BufferedReader]:
    """Open a file to read. An error when it is closed is ignored: it must not lose a response that is paid for.

    OSError if it is no regular file.
    """
    file = open_regular(path)
    try:
        yield file
    finally:
        with suppress(OSError):
            file.close()


def unlink(path: Path) -> None:
    """Delete a file that is not needed any more. Errors are ignored: a left-over file does no harm."""
    with suppress(OSError):
        if path.is_file():
            path.unlink()


def _refused(error: OSError) -> DiskError:
    return DiskError(f"the provider's answer could not be written: {error.strerror}")


class HashedFile(SpoolFile):
    """A file of the spool that is hashed while it is written."""

    def __init__(self, opened: Callable[[], tuple[Path, IO[bytes]]]) -> None:
        super().__init__(opened)
        self._digest = hashlib.sha256()

    def write(self, data: bytes) -> None:
        self._digest.update(data)
        super().write(data)

    def spooled(self) -> Spooled:
        """The written file. Call it after the end of the context."""
        return Spooled(self.path, content_of_hex(self._digest.hexdigest()), self.size)


class PictureChangedError(Exception):
    """A file does not hold the bytes any more that were hashed."""


async def stream(pieces: tuple[Piece, ...]) -> AsyncIterator[bytes]:
    """The body of a request, with the errors of `bytes_of`."""
    for piece in pieces:
        for data in bytes_of(piece):
            yield data


def bytes_of(piece: Piece) -> Iterator[bytes]:
    """The bytes of a piece of a request. An image is read, compared and encoded while it is sent.

    Raises PictureChangedError before it yields a byte that differs from those that were hashed; and OSError.
    """
    if isinstance(piece, bytes):
        yield piece
        return
    with open_picture(piece.file.path) as file:
        for checksum in piece.file.checksums:
            data = file.read(READ_BYTES)
            if hashlib.sha256(data).digest() != checksum:
                raise PictureChangedError
            yield data if isinstance(piece, RawFile) else pybase64.b64encode(data)
