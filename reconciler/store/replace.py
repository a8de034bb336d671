"""Replace a file atomically, without durability. A module of its own: a warm `check` with a report loads no more."""

from __future__ import annotations

import os

_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW


def replace_file(path: str, data: bytes) -> None:
    """The file holds the old data or `data` at any time. A link of that name is replaced, not followed."""
    folder = os.open(os.path.dirname(path) or ".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    name = os.path.basename(path)
    temp = f".{name[:48]}.reconciler-{os.urandom(8).hex()}.tmp"
    try:
        fd = os.open(temp, _FLAGS, 0o666, dir_fd=folder)
        try:
            rest = memoryview(data)
            while rest:
                rest = rest[os.write(fd, rest) :]
        finally:
            os.close(fd)
        os.replace(temp, name, src_dir_fd=folder, dst_dir_fd=folder)
    finally:
        try:  # noqa: SIM105 - loading contextlib takes longer than the rest
            os.unlink(temp, dir_fd=folder)
        except OSError:
            pass  # renamed, which is the rule
        os.close(folder)
