"""Write and remove output files, only if the path still has the expected content."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import IO, Protocol

from reconciler.core.digest import ContentHash, content_of_hex
from reconciler.core.errors import DiskError
from reconciler.core.value import value
from reconciler.store import disk
from reconciler.store.worktree.observe import closed_to_images

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
_LOOK = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK
_TRIES = 3


@value
class Written:
    """The target holds the bytes, durably."""


@value
class Missing:
    """There is no file at the path, durably."""


@value
class Foreign:
    """Not done: the user changed the file meanwhile. `found` is its content now; None: it is absent."""

    found: ContentHash | None


class DamagedSource(DiskError):
    """The bytes that were to be copied are others than they should be, or cannot be read. Nothing was written."""


class _Digest(Protocol):
    def update(self, data: bytes, /) -> None: ...


def publish(
    source: Path, target: Path, *, content: ContentHash, expect: ContentHash | None, root: Path, specs: str = ""
) -> Written | Foreign:
    """Copy `source`, whose bytes must be `content`, to `target`, if that still holds `expect` (None: is absent).

    A copy, not a link: an edit of the output must not change the store. Raises DiskError if the target is no plain
    file or lies outside `root`, and DamagedSource if the source cannot be read or has other bytes; the target is then
    as it was.
    """
    folder_path = _inside(target.parent, root, specs)
    disk.make_dirs(folder_path)
    with (
        _opened(source) as stream,
        disk.naming_errors("write", target),
        _walked(folder_path, root) as folder,
    ):
        keep = _plain(folder, target)
        digest = hashlib.sha256()
        with disk.written(folder, target.name, _read(source, stream, digest), keep=keep) as temp:
            if content_of_hex(digest.hexdigest()) != content:
                raise DamagedSource(
                    f"{disk.display_path(source)} is damaged: it does not hold {content}",
                    hint="nothing was written; `reconciler store verify` lists all damaged objects",
                )
            return _place(folder, temp, target, expect)


def there_now(target: Path, *, root: Path, specs: str = "") -> ContentHash | None:
    """The content of the plain file at a path below `root`, a Git LFS pointer as it is; None if there is none.

    Raises DiskError for another kind of file, and for a path where no image may lie.
    """
    folder_path = _inside(target.parent, root, specs)
    if not folder_path.is_dir():
        return None
    with disk.naming_errors("read", target), _walked(folder_path, root) as folder:
        return _content(folder, target)


def move_in(source: Path, target: Path, *, expect: ContentHash | None, root: Path, specs: str = "") -> Path | Foreign:
    """Move `source`, which is synced, to `target` if that still holds `expect` (None: is absent); the folder, whose
    names have yet to be synced. Raises DiskError as `publish` does."""
    folder_path = _inside(target.parent, root, specs)
    disk.make_dirs(folder_path)
    with disk.naming_errors("write", target), _walked(folder_path, root) as folder:
        keep = _plain(folder, target)
        found = _content(folder, target) if keep is not None else None
        if found != expect:
            return Foreign(found)
        if keep is not None:
            os.chmod(source, keep)
        try:
            disk.move_into(folder, source, target.name, new=expect is None)
        except FileExistsError:
            return Foreign(_content(folder, target))
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise
            content = disk.file_hash(source)
            placed = publish(source, target, content=content, expect=expect, root=root, specs=specs)
            return placed if isinstance(placed, Foreign) else folder_path
    return folder_path


def remove_file(path: Path, *, expect: ContentHash, root: Path, specs: str = "") -> Missing | Foreign:
    """Remove a file below `root` if it still holds `expect`. An absent file counts as removed."""
    folder_path = _inside(path.parent, root, specs)
    if not folder_path.is_dir():
        return Missing()
    with disk.naming_errors("remove", path), _walked(folder_path, root) as folder:
        found = _content(folder, path)
        if found is None:
            return Missing()
        if found != expect:
            return Foreign(found)
        os.unlink(path.name, dir_fd=folder)
        disk.sync_folder(folder)
    return Missing()


def _place(folder: int, temp: str, target: Path, expect: ContentHash | None) -> Written | Foreign:
    """Check the precondition as late as possible, and rename."""
    if expect is None:
        try:
            if disk.take_name(folder, temp, target.name):
                return Written()
        except FileExistsError:
            return Foreign(_content(folder, target))
    found = _content(folder, target)
    if found != expect:
        return Foreign(found)
    disk.replace_name(folder, temp, target.name)
    return Written()


def _inside(directory: Path, root: Path, specs: str) -> Path:
    """The directory with symbolic links resolved. DiskError if no image may lie in it."""
    real = os.path.realpath(directory)
    closed = closed_to_images(os.path.join(real, ""), os.path.realpath(root), specs)
    if closed:
        raise DiskError(
            f"{disk.display_path(directory)} is {closed}",
            hint="images stay below the project's root, in a folder of their own; a link may not lead elsewhere",
        )
    return Path(real)


@contextmanager
def _walked(real: Path, root: Path) -> Iterator[int]:
    """A directory below `root`, opened component by component: a link that appears meanwhile is not followed."""
    real_root = os.path.realpath(root)
    fd = os.open(real_root, _DIRECTORY | os.O_CLOEXEC)
    try:
        for part in real.relative_to(real_root).parts:
            inner = os.open(part, _DIRECTORY | os.O_CLOEXEC, dir_fd=fd)
            disk.close_quietly(fd)
            fd = inner
        yield fd
    finally:
        disk.close_quietly(fd)  # only traversed: its names are synced already


def _plain(folder: int, path: Path) -> int | None:
    """The permission bits of a plain file, None if there is none. DiskError for any other kind of file."""
    try:
        found = os.stat(path.name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return None
    if not stat.S_ISREG(found.st_mode):
        kind = "a symbolic link" if stat.S_ISLNK(found.st_mode) else "not a plain file"
        raise DiskError(
            f"{disk.display_path(path)} is {kind}", hint="it is left alone: move it, or choose another output"
        )
    return stat.S_IMODE(found.st_mode) & 0o777


def _content(folder: int, path: Path) -> ContentHash | None:
    """The content of a plain file that did not change while it was read."""
    for _ in range(_TRIES):
        if _plain(folder, path) is None:
            return None
        with suppress(FileNotFoundError):  # removed meanwhile: look again
            with disk.opened(path.name, _LOOK, folder=folder) as fd, open(fd, "rb", 0, closefd=False) as stream:
                before = os.fstat(fd)
                digest = hashlib.file_digest(stream, "sha256")
            if _same(before, os.stat(path.name, dir_fd=folder, follow_symlinks=False)):
                return content_of_hex(digest.hexdigest())
    raise DiskError(f"{disk.display_path(path)} changes while it is read", hint="close the program that writes it")


def _same(before: os.stat_result, after: os.stat_result) -> bool:
    return os.path.samestat(before, after) and (before.st_size, before.st_mtime_ns, before.st_ctime_ns) == (
        after.st_size,
        after.st_mtime_ns,
        after.st_ctime_ns,
    )


def source_head(source: Path, size: int) -> bytes:
    """The first bytes of a file to copy. Raises DamagedSource if it cannot be read."""
    with _opened(source) as stream, _unread(source):
        return stream.read(size)


@contextmanager
def _opened(source: Path) -> Iterator[IO[bytes]]:
    with ExitStack() as stack:
        with _unread(source):
            stream = stack.enter_context(disk.open_for_reading(source))
        yield stream


def _read(source: Path, stream: IO[bytes], digest: _Digest) -> Iterator[bytes]:
    while True:
        with _unread(source):
            chunk = stream.read(disk.DISK_CHUNK)
        if not chunk:
            return
        digest.update(chunk)
        yield chunk


@contextmanager
def _unread(source: Path) -> Iterator[None]:
    """Turn an OSError into DamagedSource."""
    try:
        with disk.naming_errors("read", source):
            yield
    except DiskError as error:
        raise DamagedSource(error.fact, hint=error.hint) from error
