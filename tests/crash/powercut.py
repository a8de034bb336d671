"""Enumerate what a disk may hold after the power fails, from the trace of a run.

The rules are those of ALICE (Pillai et al., OSDI 2014). A cut lies after some call has returned. What may be on the
disk then:
 - of a file, its bytes as of its last completed fsync, or any later version of any of its blocks (512 or 4096 bytes),
   with any size that it had since, or grew through; blocks that never arrived read as zeros;
 - of a folder, the entries as of its last completed fsync, and any number of later changes, in order (ORDERED), or
   any subset of them (ANY). Folders are independent of each other and of the files in them: an fsync of a file keeps
   its bytes and not its name, a name may arrive before the bytes. A rename within one folder is one change; across
   two, the new name may be there without the old one gone, never the reverse.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from tests.crash import tree as trees
from tests.crash.cuts import Cut, Pending, cuts
from tests.crash.history import Change, FileNode, FolderNode, History, LinkNode, Node
from tests.crash.trace import Call

BLOCKS = (512, 4096)
GIVE_UP = 60
"""Random states in a row that bring nothing new before a cut counts as exhausted."""


class Order(Enum):
    """Whether a folder's unsynced changes arrive in order."""

    ORDERED = "ordered"
    ANY = "any"


@dataclass(frozen=True, slots=True)
class DiskState:
    """One legal state. `watched` is the size that the watched file (the ledger) had grown to by the cut."""

    tree: trees.Tree
    watched: int
    cut: int
    why: str
    digest: str

    def materialise(self, folder: Path) -> None:
        """Write it out."""
        trees.materialise(self.tree, folder)


Fate = tuple[dict[Node, bytes], dict[Node, frozenset[int]]]
"""What becomes of what is undecided: bytes of files, indexes of the changes that folders keep."""


def states(
    trace: Iterable[Call], initial_tree: trees.Tree, root: Path, *, limit: int, seed: int, order: Order = Order.ORDERED
) -> Iterator[DiskState]:
    """Distinct legal states, the telling ones of every cut first, then random ones, until `limit` or nothing new.

    `root` is the folder that `initial_tree` was taken of before the run and that the trace is about.
    """
    history = History(trace, initial_tree, root)
    chance = random.Random(seed)
    shuffled = list(cuts(history))
    chance.shuffle(shuffled)
    seen: set[str] = set()
    tried: set[int] = set()  # cheaper to look up than a tree is to build
    for cut, (why, fate) in _choices(shuffled, order, chance, seen):
        files, kept = {**cut.settled, **fate[0]}, fate[1]
        key = hash((cut.watched, frozenset(files.items()), frozenset(kept.items())))
        if key in tried:
            continue
        tried.add(key)
        tree = _tree(history.root, files, kept)
        digest = hashlib.sha256(f"{trees.digest(tree)} {cut.watched}".encode()).hexdigest()
        if digest in seen:
            continue
        seen.add(digest)
        yield DiskState(tree, cut.watched, cut.tick, f"after {cut.after}: {why}", digest)
        if len(seen) == limit:
            return


def _choices(
    shuffled: list[Cut], order: Order, chance: random.Random, seen: set[str]
) -> Iterator[tuple[Cut, tuple[str, Fate]]]:
    telling = [(cut, _telling(cut)) for cut in shuffled]
    while telling:
        left = []
        for cut, choices in telling:
            choice = next(choices, None)
            if choice is not None:
                yield cut, choice
                left.append((cut, choices))
        telling = left
    dull = {cut: 0 for cut in shuffled if any(each.so_far > each.sure for each in (*cut.files, *cut.folders))}
    while dull:
        for cut in tuple(dull):
            before = len(seen)
            yield cut, _random(cut, order, chance)
            dull[cut] = 0 if len(seen) > before else dull[cut] + 1
            if dull[cut] == GIVE_UP:
                del dull[cut]


# -- choices


def _telling(cut: Cut) -> Iterator[tuple[str, Fate]]:
    """The corners, then each undecided thing by itself: lost alone, or kept alone."""
    all_files = {each.node: _version(each, each.so_far) for each in cut.files}
    no_files = {each.node: _version(each, each.sure) for each in cut.files}
    zeros = {each.node: _zeros(each) for each in cut.files}
    all_names = {each.node: frozenset(range(each.so_far)) for each in cut.folders}
    no_names = {each.node: frozenset(range(each.sure)) for each in cut.folders}
    yield "all of it", (all_files, all_names)
    yield "nothing unsynced", (no_files, no_names)
    yield "names without bytes", (no_files, all_names)
    yield "names with zeros for bytes", (zeros, all_names)
    yield "bytes without names", (all_files, no_names)
    for each in cut.files:
        for why, data in _shapes(each):
            yield f"{why} of one file, else all", ({**all_files, each.node: data}, all_names)
            yield f"{why} of one file, else no bytes", ({**no_files, each.node: data}, all_names)
    for each in cut.folders:
        for kept in range(each.sure, each.so_far):
            names = {each.node: frozenset(range(kept))}
            yield "fewer names in one folder, else all", (all_files, {**all_names, **names})
        for kept in range(each.sure + 1, each.so_far + 1):
            names = {each.node: frozenset(range(kept))}
            yield "more names in one folder, else none", (all_files, {**no_names, **names})


def _random(cut: Cut, order: Order, chance: random.Random) -> tuple[str, Fate]:
    files = {each.node: _mixture(each, chance) for each in cut.files}
    names: dict[Node, frozenset[int]] = {}
    for each in cut.folders:
        if order is Order.ORDERED:
            names[each.node] = frozenset(range(chance.randint(each.sure, each.so_far)))
        else:
            later = (at for at in range(each.sure, each.so_far) if chance.random() < 0.5)
            names[each.node] = frozenset(range(each.sure)) | frozenset(later)
    return "a random mixture", (files, names)


def _version(each: Pending, number: int) -> bytes:
    assert isinstance(each.node, FileNode)
    return each.node.versions[number - 1][1]


def _zeros(each: Pending) -> bytes:
    """The size arrived, the bytes did not."""
    old, new = _version(each, each.sure), _version(each, each.so_far)
    return old[: len(new)].ljust(len(new), b"\0")


def _shapes(each: Pending) -> Iterator[tuple[str, bytes]]:
    for number in range(each.sure, each.so_far):
        yield f"an older version ({number - each.sure})", _version(each, number)
    yield "zeros", _zeros(each)
    old, new = _version(each, each.sure), _version(each, each.so_far)
    for block in BLOCKS:
        edges = [edge for edge in range(block, len(new), block) if old[edge:] != new[edge:]]
        for edge in sorted({*edges[:1], *edges[len(edges) // 2 :][:1], *edges[-1:]}):
            yield f"torn at {edge}", new[:edge] + old[edge : len(new)]
            yield f"torn at {edge}, full size", (new[:edge] + old[edge : len(new)]).ljust(len(new), b"\0")


def _mixture(each: Pending, chance: random.Random) -> bytes:
    """Each block of any version since the last fsync; any size since, or one on the way."""
    assert isinstance(each.node, FileNode)
    versions = [data for _, data in each.node.versions[each.sure - 1 : each.so_far]]
    block = chance.choice(BLOCKS)
    size = len(chance.choice(versions))
    longest = max(len(data) for data in versions)
    if chance.random() < 0.25 and longest > len(versions[0]):
        size = min(longest, chance.randrange(len(versions[0]), longest) // block * block + block)
    whole = bytearray()
    for start in range(0, size, block):
        whole += chance.choice(versions)[start : start + block].ljust(min(block, size - start), b"\0")
    return bytes(whole[:size])


# -- what it looks like then


def _tree(root: FolderNode, files: Mapping[Node, bytes], kept: Mapping[Node, frozenset[int]]) -> dict[str, trees.Node]:
    done = {change for node, at in kept.items() if isinstance(node, FolderNode) for change in _changes(node, at)}
    tree: dict[str, trees.Node] = {"": trees.Folder()}

    def visit(folder: FolderNode, prefix: str) -> None:
        names = dict(folder.first)
        for change in _changes(folder, kept.get(folder, frozenset())):
            if change.needs is not None and change.needs not in done:
                continue  # the new name is not there: neither is the old one gone
            names.update({name: node for name, node in change.names if node is not None})
            for name in (name for name, node in change.names if node is None):
                names.pop(name, None)
        for name, node in names.items():
            path = prefix + name
            match node:
                case FolderNode():
                    tree[path] = trees.Folder()
                    visit(node, path + "/")
                case LinkNode():
                    tree[path] = trees.Symlink(node.target)
                case FileNode():
                    tree[path] = trees.File(files[node])

    visit(root, "")
    return tree


def _changes(folder: FolderNode, kept: frozenset[int]) -> list[Change]:
    return [folder.changes[at] for at in sorted(kept)]
