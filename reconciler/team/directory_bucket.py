"""A directory as the team's store: durable by our own disk layer, and no link is followed inside it."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import IO

from reconciler.core.errors import BucketDenied, BucketError, BucketUnreachable
from reconciler.core.team.bucket import BucketObject
from reconciler.core.team.layout import is_name
from reconciler.store import disk
from reconciler.team.listed import MOST_NAMES, too_many

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK
_DENIED = {errno.EACCES, errno.EPERM, errno.EROFS}
_GONE = {errno.ESTALE, errno.EIO, errno.ETIMEDOUT, errno.ENOTCONN, errno.EHOSTDOWN, errno.EHOSTUNREACH, errno.ENXIO}
_LINKED = {errno.ELOOP, errno.ENOTDIR}
_CLAIMS_NEED = "use a file system that has hard links, or an object store"


class DirectoryBucket:
    """A Bucket and a BucketCleaner in a folder that somebody has made: a mount that is missing must not be replaced by
    an empty folder."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def put_new(self, name: str, source: Path | bytes) -> bool:
        """See core.team.bucket.Bucket. The bytes are synced before the name exists, the name before this returns."""
        folder, _, last = _checked(name).rpartition("/")
        with self._errors("write", name), self._made(folder) as fd:
            if _regular(fd, last) is not None:
                if not folder and not os.access(".", os.W_OK, dir_fd=fd, effective_ids=True):
                    raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))  # the probe proves the right, too
                disk.sync_folder(fd)  # the writer may have died between the name and its sync
                return False
            with _chunks(source) as chunks, disk.written(fd, last, chunks) as temp:
                try:
                    taken = disk.take_name(fd, temp, last)
                except FileExistsError:
                    # a server of files that lost its answer has done it, and is asked again by the system
                    if not _is_same(fd, temp, last):
                        return False
                    disk.sync_folder(fd)
                    taken = True
        if not taken:
            raise BucketError(f"the file system of {self._shown} has no hard links", hint=_CLAIMS_NEED)
        return True

    def get(self, name: str, sink: IO[bytes], *, most: int) -> bool:
        """See core.team.bucket.Bucket."""
        folder, _, last = _checked(name).rpartition("/")
        with self._errors("read", name), self._walked(folder) as fd:
            if fd is None or _regular(fd, last) is None:
                return False
            with disk.opened(last, _FILE, folder=fd) as file:
                size = os.fstat(file).st_size
                if size > most:
                    raise BucketError(f"{name} in {self._shown} is larger than {most:,} bytes")
                while chunk := os.read(file, disk.DISK_CHUNK):
                    sink.write(chunk)
        return True

    def names(self, prefix: str) -> list[str]:
        """See core.team.bucket.Bucket."""
        if prefix:
            _checked(prefix.removesuffix("/"))
        with self._errors("list", prefix), self._walked(prefix.removesuffix("/")) as fd:
            found: list[str] = []
            if fd is not None:
                for name in _below(fd, prefix):
                    if len(found) >= MOST_NAMES:
                        raise too_many(prefix, self._shown)
                    found.append(name)
        return sorted(found)

    def stat(self, name: str) -> BucketObject | None:
        """See core.team.bucket.Bucket."""
        folder, _, last = _checked(name).rpartition("/")
        with self._errors("read", name), self._walked(folder) as fd:
            seen = None if fd is None else _regular(fd, last)
        return None if seen is None else BucketObject(seen.st_size, datetime.fromtimestamp(seen.st_mtime, UTC))

    def replace(self, name: str, data: bytes) -> None:
        """See core.team.bucket.BucketCleaner."""
        folder, _, last = _checked(name).rpartition("/")
        with self._errors("write", name), self._made(folder) as fd, disk.written(fd, last, (data,)) as temp:
            disk.replace_name(fd, temp, last)

    def delete(self, name: str) -> None:
        """See core.team.bucket.BucketCleaner."""
        folder, _, last = _checked(name).rpartition("/")
        with self._errors("delete", name), self._walked(folder) as fd:
            if fd is not None and _regular(fd, last) is not None:
                with suppress(FileNotFoundError):
                    os.unlink(last, dir_fd=fd)
                disk.sync_folder(fd)

    @property
    def _shown(self) -> str:
        return disk.display_path(self._root)

    @contextmanager
    def _walked(self, folder: str) -> Iterator[int | None]:
        """The open folder, reached without following a link; None if it does not exist."""
        with self._entered(folder, _enter) as fd:
            yield fd

    @contextmanager
    def _made(self, folder: str) -> Iterator[int]:
        """The same folder, created if it is missing, each part durably in its parent."""
        with self._entered(folder, _make_and_enter) as fd:
            if fd is None:
                raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
            yield fd

    @contextmanager
    def _entered(self, folder: str, enter: Callable[[int, str], int | None]) -> Iterator[int | None]:
        try:
            fd: int | None = os.open(self._root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except (FileNotFoundError, NotADirectoryError):
            hint = "make the folder, mount it, or correct team.url in reconciler.yaml"
            raise BucketError(f"there is no folder {self._shown}", hint=hint) from None
        try:
            for part in filter(None, folder.split("/")):
                inner = None if fd is None else enter(fd, part)
                if fd is not None:
                    disk.close_quietly(fd)
                fd = inner
                if fd is None:
                    break
            yield fd
        finally:
            if fd is not None:
                disk.close_quietly(fd)

    @contextmanager
    def _errors(self, verb: str, name: str) -> Iterator[None]:
        """Turn what the disk says into a BucketError."""
        try:
            yield
        except OSError as error:
            what = f"cannot {verb} {name or 'the names'} in {self._shown}"
            number = error.errno or 0
            if number in _LINKED:
                hint = "nothing is read or written through it: move it away"
                raise BucketError(f"{what}: a symbolic link or a file is in the way", hint=hint) from error
            why = (os.strerror(number) if number else str(error)).lower()
            kind = BucketDenied if number in _DENIED else BucketUnreachable if number in _GONE else BucketError
            hint = "check the owner and the permissions of the folder" if kind is BucketDenied else ""
            raise kind(f"{what}: {why}", hint=hint) from error


def _checked(name: str) -> str:
    if not is_name(name):
        raise ValueError(f"not a name of an object: {name!r}")
    return name


def _enter(folder: int, part: str) -> int | None:
    try:
        return os.open(part, _FOLDER | os.O_CLOEXEC, dir_fd=folder)
    except FileNotFoundError:
        return None


def _make_and_enter(folder: int, part: str) -> int | None:
    with suppress(FileExistsError):
        os.mkdir(part, dir_fd=folder)
        disk.sync_folder(folder)
    return _enter(folder, part)


def _regular(folder: int, name: str) -> os.stat_result | None:
    """The facts of a plain file; None if there is nothing. Anything else is an error of a link."""
    try:
        seen = os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return None
    if not stat.S_ISREG(seen.st_mode):
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
    return seen


def _is_same(folder: int, one: str, other: str) -> bool:
    return os.path.samestat(
        os.stat(one, dir_fd=folder, follow_symlinks=False), os.stat(other, dir_fd=folder, follow_symlinks=False)
    )


@contextmanager
def _chunks(source: Path | bytes) -> Iterator[Iterator[bytes]]:
    if isinstance(source, bytes):
        yield iter((source,))
    else:
        with disk.open_plain(source) as stream:
            yield iter(partial(stream.read, disk.DISK_CHUNK), b"")


def _below(folder: int, prefix: str) -> Iterator[str]:
    """The names of all plain files below an open folder."""
    inner = []
    with os.scandir(folder) as found:
        for each in found:
            if not is_name(f"{prefix}{each.name}"):
                continue
            if each.is_file(follow_symlinks=False):
                yield f"{prefix}{each.name}"
            elif each.is_dir(follow_symlinks=False):
                inner.append(each.name)
    for name in inner:
        with suppress(FileNotFoundError), disk.opened(name, _FOLDER, folder=folder) as fd:
            yield from _below(fd, f"{prefix}{name}/")
