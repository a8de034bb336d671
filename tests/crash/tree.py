"""A folder as a value: names, bytes and links, without modes and times."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path


@dataclass(frozen=True, slots=True)
class File:
    """A file's bytes. `inode` ties it to a trace; 0 is unknown."""

    data: bytes
    inode: int = 0


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder; what is in it has paths of its own."""

    inode: int = 0


@dataclass(frozen=True, slots=True)
class Symlink:
    """A symbolic link."""

    target: str
    inode: int = 0


Node = File | Folder | Symlink
MEMORY = "/dev/shm"
ROOM = 1 << 29
"""Bytes; a container's may be very small."""
Tree = Mapping[str, Node]
"""Path below the root, with `/`, to node. A folder stands before what is in it. The root itself is ""."""


def snapshot(root: Path) -> Tree:
    """What lies below `root` now."""
    tree: dict[str, Node] = {"": Folder(root.stat().st_ino)}
    _read(str(root), "", tree)
    return tree


def _read(folder: str, prefix: str, tree: dict[str, Node]) -> None:
    with os.scandir(folder) as found:
        entries = sorted(found, key=lambda entry: entry.name)
    for entry in entries:
        name = prefix + entry.name
        if entry.is_symlink():
            tree[name] = Symlink(os.readlink(entry.path), entry.inode())
        elif entry.is_dir():
            tree[name] = Folder(entry.inode())
            _read(entry.path, name + "/", tree)
        else:
            with open(entry.path, "rb", buffering=0) as file:
                tree[name] = File(file.read(), entry.inode())


def in_memory(room: int = ROOM) -> str | None:
    """Where a long run puts its folders: what survives never hangs on a real disk here. None, the usual place, where
    TMPDIR names another, memory is short, or no program may run there."""
    if os.environ.get("TMPDIR") or not os.access(MEMORY, os.W_OK):
        return None
    roomy = shutil.disk_usage(MEMORY).free > room
    return MEMORY if roomy and not os.statvfs(MEMORY).f_flag & os.ST_NOEXEC else None


def materialise(tree: Tree, root: Path) -> None:
    """Write the tree into a folder that is empty or not there yet."""
    root.mkdir(parents=True, exist_ok=True)
    for name, node in tree.items():
        path = root / name
        match node:
            case File(data):
                path.write_bytes(data)
            case Folder():
                path.mkdir(exist_ok=True)
            case Symlink(target):
                path.symlink_to(target)


@lru_cache(maxsize=4096)
def _hashed(data: bytes) -> bytes:
    """Of most files there are a few versions, in thousands of trees."""
    return hashlib.sha256(data).digest()


def digest(tree: Tree) -> str:
    """Equal for trees that look the same from outside."""
    whole = hashlib.sha256()
    for name in sorted(tree):
        match tree[name]:
            case File(data):
                part = b"file\0" + _hashed(data)
            case Folder():
                part = b"folder"
            case Symlink(target):
                part = b"link\0" + os.fsencode(target)
        whole.update(os.fsencode(name) + b"\0" + part + b"\n")
    return whole.hexdigest()
