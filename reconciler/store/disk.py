"""Durable writes, or a DiskError in one line: the only user of os.replace, os.fsync and fcntl."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import re
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from io import FileIO
from pathlib import Path

from reconciler.core.digest import ContentHash, content_of_hex
from reconciler.core.errors import DiskError
from reconciler.core.text import printable
from reconciler.store.replace import replace_file

DISK_CHUNK = 1 << 20
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
_TEMP = re.compile(r"\..*\.reconciler-[0-9a-f]{16}\.tmp", re.DOTALL)
_FULL_SYNC: int | None = getattr(fcntl, "F_FULLFSYNC", None)
"""macOS: fsync alone leaves the bytes in the drive's cache."""
_NO_LINKS = {errno.EPERM, errno.EACCES, errno.EOPNOTSUPP, errno.ENOTSUP, errno.ENOSYS, errno.EMLINK, errno.EINVAL}
_PERMISSIONS = "check the owner and the permissions of the file and of its directory"
_HINTS = {
    errno.ENOSPC: "free some space on this disk, then run the same command again",
    errno.EDQUOT: "your quota here is used up: free some space, then run the same command again",
    errno.EROFS: "the file system is mounted read-only",
    errno.EACCES: _PERMISSIONS,
    errno.EPERM: _PERMISSIONS,
    errno.EMFILE: "too many files are open: lower `concurrency`, or raise the limit (ulimit -n)",
    errno.ENFILE: "the whole system has too many files open",
    errno.EIO: "the disk itself failed: look at the system's log before you trust it again",
    errno.ENOLCK: "this file system knows no locks: keep the project on a local disk",
}


def display_path(path: Path) -> str:
    """A path as messages show it."""
    return printable(str(path))


@contextmanager
def naming_errors(what: str, path: Path) -> Iterator[None]:
    """Turn an OSError into a DiskError with the operation (`what`), the path and the reason."""
    try:
        yield
    except OSError as error:
        raise named_error(what, path, error) from error


def named_error(what: str, path: Path, error: OSError) -> DiskError:
    """The DiskError of an OSError."""
    number = error.errno or 0
    why = os.strerror(number) if number else printable(str(error))
    return DiskError(f"cannot {what} {display_path(path)}: {why[:1].lower()}{why[1:]}", hint=_HINTS.get(number, ""))


@contextmanager
def opened(path: Path | str, flags: int, mode: int = 0o666, *, folder: int | None = None) -> Iterator[int]:
    """A descriptor that is closed again. After a write, an error of the close counts: it may belong to the write."""
    fd = os.open(path, flags | os.O_CLOEXEC, mode, dir_fd=folder)
    try:
        yield fd
    except BaseException:
        close_quietly(fd)
        raise
    if flags & os.O_ACCMODE == os.O_RDONLY:
        close_quietly(fd)
    else:
        os.close(fd)


@contextmanager
def open_for_reading(path: Path) -> Iterator[FileIO]:
    """A file to read, without a buffer; a symbolic link is followed.

    Raises OSError if it cannot be opened or is no regular file: a pipe that somebody put in its place is not waited
    for, and a device may never end. An error of its close is ignored.
    """
    with opened(path, os.O_RDONLY | os.O_NONBLOCK) as fd:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            raise OSError("it is not a regular file")
        with open(fd, "rb", buffering=0, closefd=False) as stream:
            yield stream


def close_quietly(fd: int) -> None:
    """Close a descriptor and ignore an error: no durable write depends on it."""
    with suppress(OSError):
        os.close(fd)


def write_all(fd: int, data: bytes | memoryview) -> None:
    """Write every byte, also if the system accepts only a part at a time."""
    rest = memoryview(data)
    while rest:
        taken = os.write(fd, rest)
        if not taken:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        rest = rest[taken:]


def sync(fd: int) -> None:
    """Make the bytes of a file durable. After an error their state is unknown: never sync the same file again."""
    if _FULL_SYNC is None:
        os.fsync(fd)
        return
    try:
        fcntl.fcntl(fd, _FULL_SYNC)
    except OSError as error:
        if error.errno not in (errno.ENOTSUP, errno.EINVAL, errno.ENOTTY):
            raise
        os.fsync(fd)


def sync_folder(folder: int) -> None:
    """Make the names in an open directory durable."""
    try:
        sync(folder)
    except OSError as error:
        if error.errno != errno.EINVAL:  # some network file systems cannot sync a directory
            raise


def fsync_dir(path: Path) -> None:
    """Make the names in a directory durable: a rename is only durable once its directory is."""
    with naming_errors("save the names in", path), opened(path, _DIRECTORY) as folder:
        sync_folder(folder)


def make_dirs(path: Path) -> None:
    """Create a directory and its missing parents, each durable in its parent."""
    missing = []
    while not os.path.isdir(path):
        missing.append(path)
        path = path.parent
    for directory in reversed(missing):
        with naming_errors("create the directory", directory):
            try:
                directory.mkdir()
            except FileExistsError:  # another process was faster, or a file is in the way
                if not directory.is_dir():
                    raise
            fsync_dir(directory.parent)


@contextmanager
def written(
    folder: int, name: str, chunks: Iterable[bytes], *, mode: int = 0o666, keep: int | None = None
) -> Iterator[str]:
    """Write `chunks` to a temporary file in `folder`, durably, and give its name; it is deleted unless it was renamed.

    `mode` is subject to the umask; `keep` is the permission bits of the file that it is to replace.
    """
    temp = f".{name[:48]}.reconciler-{os.urandom(8).hex()}.tmp"
    try:
        with opened(temp, _NEW_FILE, mode, folder=folder) as fd:
            for chunk in chunks:
                write_all(fd, chunk)
            if keep is not None:
                os.fchmod(fd, keep)
            sync(fd)
        yield temp
    finally:
        with suppress(OSError):  # renamed, which is the rule; or left for `store gc`
            os.unlink(temp, dir_fd=folder)


def write_atomic(path: Path, data: bytes, *, mode: int | None = None) -> None:
    """Replace a file atomically: it holds the old data or `data` at any time, and `data` durably once this returns.

    An existing file keeps its permission bits unless `mode` is given; a new one gets `mode` less the umask.
    """
    write_atomic_chunks(path, (data,), mode=mode)


def write_atomic_chunks(path: Path, chunks: Iterable[bytes], *, mode: int | None = None) -> None:
    """The same for data in chunks."""
    with naming_errors("write", path), opened(path.parent, _DIRECTORY) as folder:
        keep = permissions(folder, path.name) if mode is None else None
        with written(folder, path.name, chunks, mode=0o666 if mode is None else mode, keep=keep) as temp:
            replace_name(folder, temp, path.name)


def write_cache(path: Path, data: bytes) -> None:
    """Replace a file atomically, without durability: for caches, which can be computed again."""
    with naming_errors("write", path):
        replace_file(str(path), data)


def permissions(folder: int, name: str) -> int | None:
    """The permission bits of a file in an open directory; None if there is none."""
    with suppress(FileNotFoundError):
        mode = os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode
        return stat.S_IMODE(mode) & 0o777 if stat.S_ISREG(mode) else None  # those of a link are 0777
    return None


def rename_over(source: Path, target: Path) -> None:
    """Rename a file that is synced already, replacing any file of that name; durable once this returns."""
    with naming_errors("rename to", target), opened(target.parent, _DIRECTORY) as folder:
        os.replace(source, target.name, dst_dir_fd=folder)
        sync_folder(folder)  # the rename is only durable once the directory is; an old name left behind does no harm


def replace_name(folder: int, temp: str, name: str) -> None:
    """Rename within an open directory, replacing any file of that name; durable once this returns."""
    os.replace(temp, name, src_dir_fd=folder, dst_dir_fd=folder)
    sync_folder(folder)


def take_name(folder: int, temp: str, name: str) -> bool:
    """Give a temporary file a name that must be free, in one step; False if the file system has no hard links.

    Raises FileExistsError if something has the name. Durable once this returns True.
    """
    try:
        os.link(temp, name, src_dir_fd=folder, dst_dir_fd=folder)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        return False
    sync_folder(folder)
    return True


def move_into(folder: int, source: Path, name: str, *, new: bool) -> None:
    """Rename a file that is synced already into an open directory. `new`: raises FileExistsError if something has the
    name. Durable once the directory is synced."""
    if new:
        try:
            os.link(source, name, dst_dir_fd=folder, follow_symlinks=False)
        except OSError as error:
            if error.errno not in _NO_LINKS:
                raise
        else:
            return
    os.replace(source, name, dst_dir_fd=folder)


def sync_file(path: Path) -> None:
    """Make the bytes of a file durable that somebody else has written."""
    with naming_errors("save", path), opened(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW) as fd:
        sync(fd)


def try_flock(fd: int) -> bool:
    """Hold the file against every other process until `fd` is closed or this process dies; False: another does."""
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def wait_flock(fd: int) -> None:
    """Take the lock of a file, after any other process that holds it."""
    fcntl.flock(fd, fcntl.LOCK_EX)


def unflock(fd: int) -> None:
    """Release the lock, also if a forked child still has the descriptor."""
    fcntl.flock(fd, fcntl.LOCK_UN)


def file_hash(path: Path) -> ContentHash:
    """The hash of a file. Raises OSError: the caller decides what an absent or unreadable file means."""
    with open_for_reading(path) as stream:
        return content_of_hex(hashlib.file_digest(stream, "sha256").hexdigest())


def holds(path: Path, content: ContentHash) -> bool:
    """Whether a file has this content now. An unreadable file counts as absent."""
    try:
        return path.is_file() and file_hash(path) == content
    except OSError:
        return False


def is_plain(path: Path) -> bool:
    """Whether there is a plain file of this name in a real folder: neither of the two is a symbolic link."""
    try:
        return stat.S_ISREG(os.lstat(path).st_mode) and stat.S_ISDIR(os.lstat(path.parent).st_mode)
    except OSError:
        return False


def refuse_link(folder: Path) -> None:
    """DiskError if a folder is a symbolic link or another kind of file. It may be missing."""
    try:
        mode = os.lstat(folder).st_mode
    except OSError:
        return
    if not stat.S_ISDIR(mode):
        kind = "a symbolic link" if stat.S_ISLNK(mode) else "not a folder"
        raise DiskError(f"{display_path(folder)} is {kind}", hint="nothing is read or written through it: move it away")


def plain_bytes(path: Path, *, most: int | None = None, hint: str = "this cannot be one of ours") -> bytes:
    """The bytes of a plain file. DiskError for any other kind of file, and, with the hint, for more bytes than `most`;
    FileNotFoundError if there is none."""
    with open_plain(path) as stream:
        if most is not None and os.fstat(stream.fileno()).st_size > most:
            raise DiskError(f"{display_path(path)} is larger than {most >> 20} MiB", hint=hint)
        return stream.read()


def plain_hash(path: Path) -> ContentHash:
    """The hash of a plain file, with the errors of `plain_bytes`."""
    with open_plain(path) as stream:
        return content_of_hex(hashlib.file_digest(stream, "sha256").hexdigest())


@contextmanager
def open_plain(path: Path) -> Iterator[FileIO]:
    try:
        with opened(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK) as fd:
            if not stat.S_ISREG(os.fstat(fd).st_mode):
                raise DiskError(f"{display_path(path)} is not a plain file", hint="it is left alone: move it away")
            with open(fd, "rb", buffering=0, closefd=False) as stream:
                yield stream
    except FileNotFoundError:
        raise
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise DiskError(
                f"{display_path(path)} is a symbolic link", hint="it is not followed: put a plain file there"
            ) from error
        with naming_errors("read", path):
            raise


def temps(directory: Path) -> tuple[Path, ...]:
    """The temporary files in a directory: of crashed runs, and of one that is running."""
    with suppress(OSError), os.scandir(directory) as found:
        files = [item for item in found if _TEMP.fullmatch(item.name) and item.is_file(follow_symlinks=False)]
        return tuple(sorted(Path(item.path) for item in files))
    return ()


def remove(path: Path) -> bool:
    """Remove a file; False if it cannot be removed, or is gone."""
    try:
        os.unlink(path)
    except OSError:
        return False
    return True


class Appender:
    """An append-only file. After one failure it refuses every append: the state of the file is then unknown."""

    def __init__(self, path: Path, *, keep: int) -> None:
        """Open or create the file and truncate it to `keep` bytes: later bytes were never acknowledged."""
        self.path = path
        self._broken = False
        with naming_errors("open", path):
            self._fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW, 0o666)
            try:
                if os.fstat(self._fd).st_size != keep:
                    os.ftruncate(self._fd, keep)
                sync(self._fd)  # a killed run may have written what it never synced, and we are about to rely on it
                fsync_dir(path.parent)
            except BaseException:
                close_quietly(self._fd)
                raise

    def append(self, data: bytes) -> None:
        """Durable once this returns."""
        if self._broken:
            raise DiskError(f"cannot append to {display_path(self.path)}: an earlier write failed")
        self._broken = True  # until the disk has said yes; an interrupt in between counts as a no
        with naming_errors("append to", self.path):
            write_all(self._fd, data)
            sync(self._fd)
        self._broken = False

    def close(self) -> None:
        """Close the descriptor. Every append was durable before."""
        with naming_errors("close", self.path):
            os.close(self._fd)
