"""A folder as a value: names, bytes and links, without modes and times."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
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
Tree = Mapping[str, Node]
"""Path below the root, with `/`, to node. A folder stands before what is in it. The root itself is ""."""


def snapshot(root: Path) -> Tree:
    """What lies below `root` now."""
    tree: dict[str, Node] = {"": Folder(root.stat().st_ino)}
    for folder, folders, files in os.walk(root):
        for name in sorted([*folders, *files]):
            path = Path(folder, name)
            tree[str(path.relative_to(root))] = _read(path)
    return tree


def _read(path: Path) -> Node:
    inode = path.lstat().st_ino
    if path.is_symlink():
        return Symlink(str(path.readlink()), inode)
    if path.is_dir():
        return Folder(inode)
    return File(path.read_bytes(), inode)


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


def digest(tree: Tree) -> str:
    """Equal for trees that look the same from outside."""
    whole = hashlib.sha256()
    for name in sorted(tree):
        match tree[name]:
            case File(data):
                part = b"file\0" + hashlib.sha256(data).digest()
            case Folder():
                part = b"folder"
            case Symlink(target):
                part = b"link\0" + os.fsencode(target)
        whole.update(os.fsencode(name) + b"\0" + part + b"\n")
    return whole.hexdigest()
