"""Spool files: the bytes of a response while they arrive, and rescue files where the disk refuses them."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING, Protocol

from reconciler.core.digest import hex_of
from reconciler.core.errors import DiskError
from reconciler.core.images.magic import HEAD, image_format
from reconciler.core.outcome import Spooled
from reconciler.core.ports import Spool
from reconciler.store import disk

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer  # collections.abc.Buffer is newer than Python 3.11

_BUFFER = 256 * 1024
"""Bytes that a spool file buffers: each write releases the GIL, and the event loop then waits to get it back."""
_SUFFIXES = {"jpeg": "jpg", "": "bin"}


class _OpensByName(Protocol):
    """A spool whose files have names that begin with the id of an attempt."""

    def open(self, attempt: str = "") -> tuple[Path, IO[bytes]]: ...

    def open_paid(self, attempt: str = "") -> tuple[Path, IO[bytes]]: ...


class AttemptSpool:
    """A core.ports.Spool for the files of one attempt."""

    def __init__(self, spool: _OpensByName, attempt: str) -> None:
        self._spool = spool
        self._attempt = attempt

    def open(self) -> tuple[Path, IO[bytes]]:
        return self._spool.open(self._attempt)

    def open_paid(self) -> tuple[Path, IO[bytes]]:
        return self._spool.open_paid(self._attempt)

    def for_attempt(self, attempt: str) -> Spool:
        return AttemptSpool(self._spool, attempt)


class SpoolDir:
    """The spool files of one store, and their rescue files in other directories (`shelters`, best first)."""

    def __init__(self, directory: Path, shelters: tuple[Path, ...]) -> None:
        self.directory = directory
        self._shelters = shelters
        self._elsewhere: dict[Path, Path] = {}
        self._refusals: dict[Path, DiskError] = {}
        self._unsynced: set[Path] = set()

    def open(self, attempt: str = "") -> tuple[Path, IO[bytes]]:
        """A new empty file, which the caller closes or deletes. Its bytes may end up in a shelter: the `name` of the
        stream is their path, and `secure` knows it. `attempt` is the beginning of its name."""
        disk.make_dirs(self.directory)
        path = self.directory / f"{attempt}{'-' if attempt else ''}{os.urandom(8).hex()}.part"
        with disk.naming_errors("create a file in", self.directory):
            return path, io.BufferedWriter(_SpoolFile(path, self._move_out, self._carry_out), _BUFFER)

    def open_paid(self, attempt: str = "") -> tuple[Path, IO[bytes]]:
        """The same for bytes that are paid for already: in a shelter if this disk refuses."""
        try:
            return self.open(attempt)
        except DiskError as refusal:
            for shelter in self._shelters:
                rescue = shelter / f"reconciler-rescue-{os.urandom(8).hex()}.part"
                with suppress(OSError):
                    sheltered = io.BufferedWriter(io.FileIO(rescue, "xb", opener=_private), _BUFFER)
                    self._elsewhere[rescue], self._refusals[rescue] = rescue, refusal
                    return rescue, sheltered
            raise

    def for_attempt(self, attempt: str) -> Spool:
        """See core.ports.Spool."""
        return AttemptSpool(self, attempt)

    def secure(self, spooled: Spooled) -> None:
        """Make a complete spool file read-only and durable. DiskError if it is not complete."""
        path = spooled.path
        if path in self._elsewhere:
            raise self._refusals[path]
        with disk.naming_errors("save", path), disk.opened(path, os.O_RDWR | os.O_NOFOLLOW) as fd:
            found = os.fstat(fd)
            if found.st_size != spooled.size:
                raise DiskError(f"{disk.display_path(path)} holds {found.st_size} bytes of {spooled.size}")
            os.fchmod(fd, found.st_mode & 0o444)
            self._unsynced.add(path)  # until the disk has said yes
            disk.sync(fd)
            self._unsynced.discard(path)

    def rescue(self, spooled: Spooled, *, kept: Path) -> Path:
        """A safe place for paid bytes that the store refused; at worst, the place where they are.

        The spool file itself if the disk holds it; otherwise a copy at a new place, since a second fsync of the same
        file proves nothing. `kept` is where the store's rename may already have put it.
        """
        path = spooled.path
        if path in self._elsewhere:
            return self._named(self._elsewhere[path], spooled)
        if path.exists() and path not in self._unsynced:
            with suppress(DiskError):
                self.secure(spooled)
                disk.fsync_dir(path.parent)
                return path
        source = path if path.exists() else kept
        for shelter in self._shelters:
            with suppress(DiskError, OSError), disk.open_for_reading(source) as stream:
                return _copy(stream, shelter / _rescue_name(spooled, source))
        return source

    def drop(self, path: Path) -> None:
        """Delete a spool file whose bytes were not paid for."""
        with suppress(OSError):
            path.unlink()
        if path in self._elsewhere:
            with suppress(OSError):
                self._elsewhere.pop(path).unlink()

    def leftovers(self) -> tuple[Path, ...]:
        """Spool files of crashed runs: complete or partial responses. Call it under the apply lock."""
        return tuple(path for path in sorted(self.directory.glob("*.part")) if disk.is_plain(path))

    def _move_out(self, path: Path, fd: int, refusal: DiskError) -> Path:
        """Continue in a shelter, with the same descriptor."""
        return self._moved(path, refusal, lambda rescue: _continue(path, fd, rescue))

    def _carry_out(self, path: Path, refusal: DiskError) -> Path:
        """Copy the readable bytes to a shelter: the close has reported an error of an earlier write."""

        def copied(rescue: Path) -> None:
            with disk.open_for_reading(path) as stream:
                _copy(stream, rescue)

        where = DiskError(f"{refusal.fact}; what came is in {disk.display_path(path)}", hint=refusal.hint)
        return self._moved(path, where, copied)

    def _moved(self, path: Path, refusal: DiskError, move: Callable[[Path], None]) -> Path:
        for shelter in self._shelters:
            rescue = shelter / f"reconciler-rescue-{path.stem}.part"
            with suppress(DiskError, OSError):
                move(rescue)
                self._elsewhere[path] = self._elsewhere[rescue] = rescue
                self._refusals[path] = self._refusals[rescue] = refusal
                with suppress(OSError):
                    path.unlink()
                return rescue
        raise refusal

    def _named(self, rescue: Path, spooled: Spooled) -> Path:
        """Give the rescue file its final name, durably; it keeps its present name if that fails."""
        target = rescue.with_name(_rescue_name(spooled, rescue))
        with suppress(DiskError, OSError):
            with disk.opened(rescue, os.O_RDWR) as fd:
                disk.sync(fd)
            disk.rename_over(rescue, target)
        found = rescue if rescue.exists() else target
        if spooled.path != found:
            with suppress(OSError):
                spooled.path.unlink()
        self._elsewhere[spooled.path] = found
        return found


class _SpoolFile(io.FileIO):
    """A raw file that moves to a shelter when its disk refuses a write, or reports at the close that it did."""

    def __init__(
        self,
        path: Path,
        move_out: Callable[[Path, int, DiskError], Path],
        carry_out: Callable[[Path, DiskError], Path],
    ) -> None:
        super().__init__(path, "xb+")
        self._path = path
        self._move_out = move_out
        self._carry_out = carry_out

    def write(self, data: ReadableBuffer, /) -> int:
        try:
            with disk.naming_errors("write", self._path):
                return super().write(data)
        except DiskError as refusal:
            self.name = str(self._move_out(self._path, self.fileno(), refusal))
        with disk.naming_errors("write the rest of", self._path):
            return super().write(data)

    def close(self) -> None:
        try:
            with disk.naming_errors("close", self._path):
                super().close()
        except DiskError as refusal:
            if str(self.name) == str(self._path):
                self.name = str(self._carry_out(self._path, refusal))
            else:  # the rescue file is on a disk that is no better
                raise


def _private(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)


def _continue(path: Path, fd: int, rescue: Path) -> None:
    """Copy the bytes of `fd` to `rescue`, and redirect `fd` to it."""
    with disk.opened(rescue, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600) as new:
        try:
            for chunk in _written(path, fd):
                disk.write_all(new, chunk)
            os.dup2(new, fd, inheritable=False)
        except BaseException:
            rescue.unlink()
            raise


def _written(path: Path, fd: int) -> Iterator[bytes]:
    """The bytes of a file, by the open descriptor; by its path if that fails."""
    at = 0
    try:
        while chunk := os.pread(fd, disk.DISK_CHUNK, at):
            at += len(chunk)
            yield chunk
    except OSError:
        with disk.open_for_reading(path) as stream:
            stream.seek(at)
            yield from _chunks(stream)


def _copy(stream: IO[bytes], target: Path) -> Path:
    with (
        disk.naming_errors("write", target),
        disk.opened(target.parent, os.O_RDONLY | os.O_DIRECTORY) as folder,
        disk.written(folder, target.name, _chunks(stream), mode=0o600) as temp,
    ):
        disk.replace_name(folder, temp, target.name)
    return target


def _chunks(stream: IO[bytes]) -> Iterator[bytes]:
    while chunk := stream.read(disk.DISK_CHUNK):
        yield chunk


def _rescue_name(spooled: Spooled, source: Path) -> str:
    head = b""
    with suppress(OSError), disk.open_for_reading(source) as stream:
        head = stream.read(HEAD)
    found = image_format(head)
    return f"reconciler-rescue-{hex_of(spooled.content)[:8]}.{_SUFFIXES.get(found, found)}"
