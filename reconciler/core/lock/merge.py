"""Two sides of a merge: read them out of conflict markers, and merge two lockfiles per asset."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Generic, TypeAlias, TypeVar

from reconciler.core.digest import AssetId, ContentHash, RecipeKey
from reconciler.core.errors import LockfileError, Place
from reconciler.core.lock.entry import Answer, Lock, LockEntry, answer_json, entry_json
from reconciler.core.lock.json_shape import compact_json
from reconciler.core.value import value

K = TypeVar("K", bound=str)
V = TypeVar("V")

ContentOf: TypeAlias = Callable[[str], ContentHash | None]
"""The content on disk of an output, by its path in the lockfile; None: absent."""

_MARK = re.compile(r"(<{7,}|\|{7,}|={7,}|>{7,})(?=[ \r]|$)")
_NEXT = {
    ("common", "<"): "ours",
    ("ours", "|"): "base",
    ("ours", "="): "theirs",
    ("base", "="): "theirs",
    ("theirs", ">"): "common",
}


@value
class Sides:
    """The texts of a conflict. `base` lacks the parts that the conflict style (merge, diff3, zdiff3) does not show.

    Lines of the other sides are left empty, so that a line has the same number as in the conflicted file.
    """

    ours: str
    theirs: str
    base: str


def has_conflict(text: str) -> bool:
    """Whether git left conflict markers here. No line of JSON can begin with one."""
    return text.startswith("<<<<<<<") or "\n<<<<<<<" in text


def sides(text: str, *, file: str) -> Sides:
    """Both sides of every conflict, and the base as far as it is shown.

    The base of a criss-cross merge may hold conflicts of its own; git writes their markers longer, so that they
    stay part of the base here.
    """
    lines = text.split("\n")
    kept: dict[str, list[str]] = {"ours": [], "theirs": [], "base": []}
    state, size = "common", 0
    for number, line in enumerate(lines, start=1):
        mark = _MARK.match(line)
        if mark and (state == "common" or len(mark[1]) == size):
            after = _NEXT.get((state, line[0]))
            if after is None:
                raise _broken(file, number, "this conflict marker does not follow from the ones before it")
            state, size, line = after, len(mark[1]), ""
            for side in kept.values():
                side.append("")
            continue
        for name, side in kept.items():
            side.append(line if state in ("common", name) else "")
    if state != "common":
        raise _broken(file, len(lines), "a conflict is not closed")
    return Sides(**{name: "\n".join(side) for name, side in kept.items()})


def _broken(file: str, line: int, fact: str) -> LockfileError:
    hint = f"bring the markers back with `git checkout --merge -- {file}`, then run again: it merges them per asset"
    return LockfileError(f"{Place(file, line)}: {fact}", hint=hint)


@value
class Merged(Generic[K, V]):
    """The result of a merge, and the keys that it could not decide."""

    values: dict[K, V]
    undecided: tuple[K, ...]


def three_way(
    ours: Mapping[K, V], theirs: Mapping[K, V], *, base: Mapping[K, V] | None, choose: Callable[[V, V], V | None]
) -> Merged[K, V]:
    """Key by key: a change on one side wins; changed on both, `choose` decides (None: it cannot).

    A change wins over a removal. Without a known base, an entry on one side only is kept: a superfluous entry is
    reported as an orphan, while a missing one would be paid for again.
    """
    values: dict[K, V] = {}
    undecided: list[K] = []
    for key in sorted({*ours, *theirs}):
        mine, other = ours.get(key), theirs.get(key)
        if base is not None and mine == base.get(key):
            mine = other
        elif base is not None and other == base.get(key):
            other = mine
        if mine is None or other is None or mine == other:
            winner = other if mine is None else mine
            if winner is not None:
                values[key] = winner
            continue
        chosen = choose(mine, other)
        if chosen is None:
            undecided.append(key)
        else:
            values[key] = chosen
    return Merged(values, tuple(undecided))


def merge(
    ours: Lock,
    theirs: Lock,
    *,
    base: Lock | None = None,
    content_of: ContentOf | None = None,
    file: str = "assets.lock",
) -> Lock:
    """Both sides, per asset: a change on one side wins; changed on both, the side whose content its output holds
    on disk; of two records of the same bytes, and of two answers, the later. LockfileError names what is left."""
    losers: dict[int, RecipeKey] = {}

    def choose(mine: LockEntry, other: LockEntry) -> LockEntry | None:
        if (mine.output, mine.content, mine.key) == (other.output, other.content, other.key):
            return _later(mine, other)
        there = [side for side in (mine, other) if content_of is not None and content_of(side.output) == side.content]
        if len(there) == 2 and mine.content == other.content:
            return _later(mine, other)
        if len(there) != 1:
            return None
        losers[id(there[0])] = other.key if there[0] is mine else mine.key
        return there[0]

    entries = three_way(ours.entries, theirs.entries, base=base.entries if base else None, choose=choose)
    if entries.undecided:
        names = ", ".join(entries.undecided)
        raise LockfileError(
            f"{file}: both sides of the merge changed {names}, and the output on disk is neither's",
            hint="put the picture you want in place (`git checkout --ours -- OUTPUT`, or `--theirs`), then run again",
        )
    answers = three_way(ours.answers, theirs.answers, base=base.answers if base else None, choose=_later_answer)
    both = Lock(entries.values, answers.values)
    standing = {asset: both.answers[asset] for asset in both.answers if not _made_since(asset, both, ours, theirs)}
    settled = {
        asset: losers[id(entry)]
        for asset, entry in entries.values.items()
        if id(entry) in losers and losers[id(entry)] != entry.key
    }
    return Lock(entries.values, standing, settled=settled)


def _later(mine: LockEntry, other: LockEntry) -> LockEntry:
    return max(mine, other, key=lambda entry: (entry.made.at, compact_json(entry_json(entry))))


def _later_answer(mine: Answer, other: Answer) -> Answer:
    return max(mine, other, key=lambda answer: (answer.at, compact_json(answer_json(answer))))


def _made_since(asset: AssetId, both: Lock, ours: Lock, theirs: Lock) -> bool:
    """Whether one side generated the image after the answer on the other side."""
    answer, entry = both.answers[asset], both.entries.get(asset)
    if entry is None or entry.key != answer.key or entry.made.at < answer.at:
        return False
    return all((side.answers.get(asset), side.entries.get(asset)) != (answer, entry) for side in (ours, theirs))
