"""What a trace did to each file and each folder, and how much of it was synced when: the input of the power cut model.

Files have versions (their bytes after every write), folders have entry changes; both are in the order in which the
calls returned. An fsync makes durable what had returned before it was entered, from the moment that it returned.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath

from tests.crash.trace import Call
from tests.crash.tree import File, Folder, Symlink, Tree

SILENT = {"flock", "fchmod", "chmod", "fchmodat", "utimensat", "end"}
"""Calls that change nothing the model holds."""
OPENS = {"open", "openat", "creat"}
RENAME_EXCHANGE = 2


class Unmodelled(Exception):
    """The trace holds a call whose effect on a disk this model does not know."""


@dataclass(eq=False)
class Node:
    """Something with a history. `syncs` are (entered, left) of every fsync that returned."""

    syncs: list[tuple[int, int]] = field(default_factory=list)

    def synced_until(self, cut: int) -> int:
        """What returned before this tick is durable at the cut."""
        return max((entered for entered, left in self.syncs if left <= cut), default=0)


@dataclass(eq=False)
class FileNode(Node):
    """`versions` are (left, bytes); the first is what the file held when it appeared."""

    versions: list[tuple[int, bytes]] = field(default_factory=list)

    def put(self, left: int, data: bytes) -> None:
        """The file holds `data` from now on."""
        self.versions.append((left, data))


@dataclass(eq=False)
class LinkNode(Node):
    """A symbolic link of the initial tree."""

    target: str = ""


@dataclass(eq=False, frozen=True)
class Change:
    """Names that one call set (to a node) or removed (None), at once.

    `needs` is the half of a rename that put the same node under its name in another folder: a journalling file
    system may keep the new name without losing the old one, never the other way round.
    """

    left: int
    names: tuple[tuple[str, Node | None], ...]
    needs: Change | None = None


@dataclass(eq=False)
class FolderNode(Node):
    """`now` is what a program sees; `changes` led there from `first`."""

    first: dict[str, Node] = field(default_factory=dict)
    now: dict[str, Node] = field(default_factory=dict)
    changes: list[Change] = field(default_factory=list)

    def change(self, left: int, *names: tuple[str, Node | None], needs: Change | None = None) -> Change:
        """Set or remove names."""
        made = Change(left, names, needs)
        self.changes.append(made)
        for name, node in names:
            if node is None:
                self.now.pop(name, None)
            else:
                self.now[name] = node
        return made


def _in_effect(calls: tuple[Call, ...]) -> Iterator[Call]:
    """In the order of their effects, as far as it shows: a folder was made before what was made in it, even where the
    thread that made it returned later."""
    folders = {call.path: call for call in calls if call.name.startswith("mkdir")}
    early: set[int] = set()
    for call in calls:
        for parent in reversed(PurePosixPath(call.path).parents):
            made = folders.get(str(parent))
            if made is not None and made.entered < call.left < made.left and made.entered not in early:
                early.add(made.entered)
                yield replace(made, left=call.left)
        if call.entered not in early:
            yield call


class History:
    """Every node that ever was, after replaying the calls over the initial tree, which counts as durable."""

    def __init__(self, calls: Iterable[Call], initial: Tree, root: Path) -> None:
        self.root = FolderNode()
        self._base = root.resolve()
        self._nodes: dict[int, Node] = {}
        self._load(initial)
        self.calls = tuple(_in_effect(tuple(calls)))
        for call in self.calls:
            self._replay(call)

    def _load(self, initial: Tree) -> None:
        for name, item in initial.items():
            node: Node
            match item:
                case File(data):
                    node = FileNode(versions=[(0, data)])
                case Symlink(target):
                    node = LinkNode(target=target)
                case Folder():
                    node = FolderNode() if name else self.root
            self._nodes[item.inode] = node
            if name:
                parent = self._folder(str(self._base / name))
                parent.first[PurePosixPath(name).name] = parent.now[PurePosixPath(name).name] = node

    # -- names

    def _find(self, path: str) -> Node | None:
        if not self._inside(path):
            return None
        node: Node | None = self.root
        for part in PurePosixPath(path).relative_to(self._base).parts:
            node = node.now.get(part) if isinstance(node, FolderNode) else None
        return node

    def _inside(self, path: str) -> bool:
        return path.startswith("/") and PurePosixPath(path).is_relative_to(self._base)

    def _folder(self, path: str) -> FolderNode:
        parent = self._find(str(PurePosixPath(path).parent))
        if not isinstance(parent, FolderNode):
            raise Unmodelled(f"{path}: its folder is not known")
        return parent

    def _of(self, call: Call) -> Node:
        node = self._nodes.get(call.inode) or self._find(call.path)
        if node is None:
            raise Unmodelled(f"{call.name} {call.path}: not opened in this trace")
        return node

    # -- calls

    def _replay(self, call: Call) -> None:
        if call.name in SILENT or not (self._inside(call.path) or self._inside(call.other)):
            return
        name = call.name
        if name in OPENS:
            self._open(call)
        elif call.data:
            self._write(call)
        elif name in ("fsync", "fdatasync"):
            self._of(call).syncs.append((call.entered, call.left))
        elif name == "syncfs":
            for node in self._everything():
                node.syncs.append((call.entered, call.left))
        elif name in ("truncate", "ftruncate"):
            self._resize(call, call.args[1])
        elif name == "fallocate" and call.args[1] == 0:
            self._resize(call, max(len(self._bytes(call)), call.args[2] + call.args[3]))
        elif name.startswith("rename"):
            self._rename(call)
        elif name in ("link", "linkat"):
            self._link(call)
        elif name in ("mkdir", "mkdirat"):
            self._nodes[call.inode] = made = FolderNode()
            self._folder(call.path).change(call.left, (PurePosixPath(call.path).name, made))
        elif name in ("unlink", "unlinkat", "rmdir"):
            self._folder(call.path).change(call.left, (PurePosixPath(call.path).name, None))
        elif not (call.result == 0 and name.startswith(("write", "pwrite", "sendfile", "copy_file_range"))):
            raise Unmodelled(f"{name} {call.path}")

    def _everything(self) -> Iterable[Node]:
        return {id(node): node for node in self._nodes.values()}.values()

    def _open(self, call: Call) -> None:
        flags = os.O_CREAT | os.O_TRUNC if call.name == "creat" else call.args[2 if call.name == "openat" else 1]
        nameless = (flags & os.O_TMPFILE) == os.O_TMPFILE
        node = None if nameless else self._find(call.path)
        if node is None and not (nameless or flags & os.O_CREAT):
            return  # renamed away by another thread between its open and its return
        if node is None:
            node = FileNode(versions=[(call.left, b"")])
            if not nameless:
                self._folder(call.path).change(call.left, (PurePosixPath(call.path).name, node))
        self._nodes[call.inode] = node
        if flags & os.O_TRUNC and isinstance(node, FileNode) and node.versions[-1][1]:
            node.put(call.left, b"")

    def _bytes(self, call: Call) -> bytes:
        node = self._of(call)
        if not isinstance(node, FileNode):
            raise Unmodelled(f"{call.name} {call.path}: not a file")
        return node.versions[-1][1]

    def _resize(self, call: Call, size: int) -> None:
        data = self._bytes(call)
        self._put(call, data[:size].ljust(size, b"\0"))

    def _write(self, call: Call) -> None:
        data = self._bytes(call).ljust(call.at, b"\0")
        self._put(call, data[: call.at] + call.data + data[call.at + len(call.data) :])

    def _put(self, call: Call, data: bytes) -> None:
        node = self._of(call)
        assert isinstance(node, FileNode)
        node.put(call.left, data)

    def _link(self, call: Call) -> None:
        node = self._nodes.get(call.inode) or self._find(call.path)
        if node is None:
            raise Unmodelled(f"link {call.path}: not known")
        self._folder(call.other).change(call.left, (PurePosixPath(call.other).name, node))

    def _rename(self, call: Call) -> None:
        if call.name == "renameat2" and call.args[4] & RENAME_EXCHANGE:
            raise Unmodelled("an exchange of two names")
        node = self._find(call.path) or self._nodes.get(call.inode)
        if node is None or not (self._inside(call.path) and self._inside(call.other)):
            raise Unmodelled(f"rename {call.path} {call.other}: crosses the border of what was traced")
        old, new = PurePosixPath(call.path).name, PurePosixPath(call.other).name
        source, target = self._folder(call.path), self._folder(call.other)
        if source is target:
            source.change(call.left, (old, None), (new, node))
            return
        there = target.change(call.left, (new, node))
        source.change(call.left, (old, None), needs=there)
