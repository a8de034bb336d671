"""What is undecided at each moment of a run: which versions of a file, which changes of a folder."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from tests.crash.history import Change, FileNode, FolderNode, History, Node


@dataclass(frozen=True, slots=True)
class Pending:
    """A node with something undecided at a cut. The first `sure` versions or changes of `so_far` are durable."""

    node: Node
    sure: int
    so_far: int


@dataclass(frozen=True, slots=True, eq=False)
class Cut:
    """One moment, and everything that is undecided then. `settled`: the bytes of all other files."""

    tick: int
    watched: int
    after: str
    settled: Mapping[Node, bytes]
    files: tuple[Pending, ...]
    folders: tuple[Pending, ...]


def cuts(history: History) -> Iterator[Cut]:
    """A cut after every call that returned."""
    nodes = _all_nodes(history.root)
    entered = sorted(history.calls, key=lambda call: call.entered)
    at = 0
    for call in history.calls:
        while at < len(entered) - 1 and entered[at].entered <= call.left:
            at += 1  # the ledger as of the next entry: whatever was billed until then may be billed at this cut
        where = " ".join(part for part in (call.name, call.path, call.other) if part)
        yield _cut(call.left, entered[at].watched, where, nodes)


def _all_nodes(root: FolderNode) -> list[Node]:
    found: dict[int, Node] = {}
    stack: list[Node] = [root]
    while stack:
        node = stack.pop()
        if id(node) in found:
            continue
        found[id(node)] = node
        if isinstance(node, FolderNode):
            stack += node.first.values()
            stack += [item for change in node.changes for _, item in change.names if item is not None]
    return list(found.values())


def _cut(tick: int, watched: int, after: str, nodes: list[Node]) -> Cut:
    files, folders = [], []
    settled: dict[Node, bytes] = {}
    for node in nodes:
        durable = node.synced_until(tick)
        if isinstance(node, FileNode):
            ticks = [left for left, _ in node.versions]
            sure = max(1, sum(left < durable for left in ticks))
            so_far = sum(left <= tick for left in ticks)
            if so_far > sure:
                files.append(Pending(node, sure, so_far))
            else:
                settled[node] = node.versions[max(so_far, 1) - 1][1]
        elif isinstance(node, FolderNode) and node.changes:
            # kept even when nothing is undecided: later changes must not show
            sure = sum(change.left < durable for change in node.changes)
            folders.append(Pending(node, sure, sum(change.left <= tick for change in node.changes)))
    return Cut(tick, watched, after, settled, tuple(files), tuple(_joined(folders)))


def _joined(folders: list[Pending]) -> Iterator[Pending]:
    """A removal that is durable makes the other half of its rename durable too."""
    owed: set[Change] = set()
    for each in folders:
        assert isinstance(each.node, FolderNode)
        owed |= {change.needs for change in each.node.changes[: each.sure] if change.needs}
    for each in folders:
        assert isinstance(each.node, FolderNode)
        sure = max([each.sure, *(at + 1 for at, change in enumerate(each.node.changes) if change in owed)])
        yield Pending(each.node, sure, each.so_far)
