"""Merge three versions of `derived.lock`, file by file."""

from __future__ import annotations

from reconciler.core.derived.derived_lock import DerivedLine, dump_derived, load_derived
from reconciler.core.errors import LockfileError
from reconciler.core.lock.merge import three_way


def merge_derived(base: str, ours: str, theirs: str, *, file: str) -> str:
    """The merged text; an empty base is that of a file that both sides added. LockfileError where both sides changed
    one file in different ways: which one counts is told by the files on disk."""
    was, mine, other = ({} if not text else _lines(text, file) for text in (base, ours, theirs))
    merged = three_way(mine, other, base=was, choose=lambda *_: None)
    if merged.undecided:
        names = ", ".join(path for path in (key.partition("\0")[2] for key in merged.undecided[:5]))
        raise LockfileError(f"{file}: both sides of the merge changed {names}")
    sets: dict[str, dict[str, DerivedLine]] = {}
    for key, line in merged.values.items():
        name, _, path = key.partition("\0")
        sets.setdefault(name, {})[path] = line
    return dump_derived(sets)


def _lines(text: str, file: str) -> dict[str, DerivedLine]:
    found = load_derived(text, file=file, content_of=lambda _: None)
    return {f"{name}\0{path}": line for name, path, line in found.lines()}
