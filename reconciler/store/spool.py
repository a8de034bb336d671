"""Where an answer's bytes go while they arrive; where the disk refuses them, a rescue file elsewhere takes over."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING

from reconciler.core.digest import hex_of
from reconciler.core.errors import DiskError
from reconciler.core.outcome import Spooled
from reconciler.store import disk

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer  # collections.abc.Buffer is newer than Python 3.11

_BUFFER = 256 * 1024
"""Bytes that a spool file gathers: each write lets other threads in, and the event loop then waits for its turn."""
_MAGIC = ((b"\x89PNG", 0, "png"), (b"\xff\xd8\xff", 0, "jpg"), (b"WEBP", 8, "webp"), (b"ftypavi", 4, "avif"))


class SpoolDir:
    """The spool files of one store, and those of them that had to go elsewhere (`shelters`, best first)."""

    def __init__(self, directory: Path, shelters: tuple[Path, ...]) -> None:
        self.directory = directory
        self._shelters = shelters
        self._elsewhere: dict[Path, Path] = {}
        self._refusals: dict[Path, DiskError] = {}
        self._unsynced: set[Path] = set()

    def open(self) -> tuple[Path, IO[bytes]]:
        """A new empty file, closed or deleted by who opens it. Its bytes may end up in a shelter: `secure` knows."""
        disk.make_dirs(self.directory)
        path = self.directory / f"{os.urandom(8).hex()}.part"
        with disk.saying("create", path):
            return path, io.BufferedWriter(_SpoolFile(path, self._move_out), _BUFFER)

    def secure(self, spooled: Spooled) -> None:
        """The spool file is whole, read-only, and its bytes are on the disk."""
        path = spooled.path
        if path in self._elsewhere:
            raise self._refusals[path]
        with disk.saying("save", path), disk.opened(path, os.O_RDWR | os.O_NOFOLLOW) as fd:
            found = os.fstat(fd)
            if found.st_size != spooled.size:
                raise DiskError(f"{disk.shown(path)} holds {found.st_size} bytes of {spooled.size}")
            os.fchmod(fd, found.st_mode & 0o444)
            self._unsynced.add(path)  # until the disk has said yes
            disk.sync(fd)
            self._unsynced.discard(path)

    def rescue(self, spooled: Spooled, *, kept: Path) -> Path:
        """Where paid bytes are safe that the store could not take; at worst, where they still are.

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
            with suppress(DiskError, OSError), open(source, "rb") as stream:
                return _copy(stream, shelter / _rescue_name(spooled, source))
        return source

    def drop(self, path: Path) -> None:
        """Forget a spool file whose bytes were not paid for."""
        with suppress(OSError):
            path.unlink()
        if path in self._elsewhere:
            with suppress(OSError):
                self._elsewhere.pop(path).unlink()

    def leftovers(self) -> tuple[Path, ...]:
        """Spool files of dead runs: answers, whole or in part, that were never stored. Ask under the apply lock."""
        return tuple(sorted(self.directory.glob("*.part")))

    def _move_out(self, path: Path, fd: int, refusal: DiskError) -> None:
        """Go on in a shelter, under the same descriptor; the spool file becomes a link to it where that works."""
        for shelter in self._shelters:
            rescue = shelter / f"reconciler-rescue-{path.stem}.part"
            with suppress(DiskError, OSError):
                _continue(path, fd, rescue)
                self._elsewhere[path] = rescue
                self._refusals[path] = refusal
                with suppress(OSError):
                    path.unlink()
                    path.symlink_to(rescue)
                return
        raise refusal

    def _named(self, rescue: Path, spooled: Spooled) -> Path:
        """The rescue file under its lasting name, on the disk; under the name that it has if that cannot be."""
        target = rescue.with_name(_rescue_name(spooled, rescue))
        with suppress(DiskError, OSError):
            with disk.opened(rescue, os.O_RDWR) as fd:
                disk.sync(fd)
            disk.rename_over(rescue, target)
        with suppress(OSError):
            spooled.path.unlink()
        self._elsewhere[spooled.path] = rescue if rescue.exists() else target
        return self._elsewhere[spooled.path]


class _SpoolFile(io.FileIO):
    """A raw file that moves out when its disk refuses a write."""

    def __init__(self, path: Path, move_out: Callable[[Path, int, DiskError], None]) -> None:
        super().__init__(path, "xb")
        self._path = path
        self._move_out = move_out

    def write(self, data: ReadableBuffer, /) -> int:
        try:
            with disk.saying("write", self._path):
                return super().write(data)
        except DiskError as refusal:
            self._move_out(self._path, self.fileno(), refusal)
        with disk.saying("write the rest of", self._path):
            return super().write(data)

    def close(self) -> None:
        with disk.saying("close", self._path):
            super().close()


def _continue(path: Path, fd: int, rescue: Path) -> None:
    with disk.opened(rescue, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600) as new, open(path, "rb") as old:
        try:
            for chunk in _chunks(old):
                disk.write_all(new, chunk)
            os.dup2(new, fd, inheritable=False)
        except BaseException:
            rescue.unlink()
            raise


def _copy(stream: IO[bytes], target: Path) -> Path:
    with (
        disk.saying("write", target),
        disk.opened(target.parent, os.O_RDONLY | os.O_DIRECTORY) as folder,
        disk.written(folder, target.name, _chunks(stream), mode=0o600) as temp,
    ):
        disk.replace_name(folder, temp, target.name)
    return target


def _chunks(stream: IO[bytes]) -> Iterator[bytes]:
    while chunk := stream.read(disk.CHUNK):
        yield chunk


def _rescue_name(spooled: Spooled, source: Path) -> str:
    head = b""
    with suppress(OSError), open(source, "rb") as stream:
        head = stream.read(16)
    suffix = next((name for magic, at, name in _MAGIC if head.startswith(magic, at)), "bin")
    return f"reconciler-rescue-{hex_of(spooled.content)[:8]}.{suffix}"
