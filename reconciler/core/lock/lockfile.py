"""The lockfile as values and as text: the recipe, the content and the origin of each asset.

The text, version 2 (schemas/lockfile.schema.json says the same to other tools):
- JSON, UTF-8, escapes only where JSON needs them, LF, a final newline. First `lockfile`, the version and nothing else;
  then `assets`, sorted by id; then `answered`, sorted by id, only when a recipe was answered without an image to lock.
- An entry has five lines, always in this order: `output`, `content`, `image`, `recipe`, `made`; a converted image has
  `original` after `content`. An answer has one. The keys of a line are sorted; a field with its default value is left
  out.
- Version 1 has no `original`, and in place of `answered` the block `refused`, with refusals of unknown price. A lock
  that it can hold is written in version 1.
- The reason is that git merges by line. `content` to `made` change together and are adjacent, and a recipe is one
  line, so two branches that changed one asset conflict over the whole entry. With a line for each recipe field, or with
  `output` in between, git would silently mix two recipes, or the image of one side with the recipe of the other.
- An unknown key is an error: if it were ignored, the next save would drop it.
"""

from __future__ import annotations

import itertools
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import NoReturn, TypeVar

from reconciler.core.digest import AssetId, Json, recipe_key
from reconciler.core.errors import LockfileError, Place
from reconciler.core.lock.entry import (
    Answer,
    AnswerKind,
    Lock,
    LockEntry,
    Made,
    answer_json,
    entry_json,
    read_answer,
    read_entry,
    read_refusal,
    refusal_json,
)
from reconciler.core.lock.json_shape import UPGRADE, Shape, compact_json, shaped
from reconciler.core.lock.merge import ContentOf, has_conflict, merge, sides
from reconciler.core.value import replace

# the values too: users of locks import them from here
__all__ = ["Answer", "AnswerKind", "Lock", "LockEntry", "Made", "dump_answer", "dump_answers", "dump_entry"]
__all__ += ["dumps", "join", "loads", "merge", "verify_recipe_keys"]

V = TypeVar("V")

LOCKFILE_VERSION = 4
"""3 is the header of a lockfile in parts."""
_BLOCKS = ("assets", "refused", "answered")
_FILE = Shape({"lockfile": int, "assets": dict}, {"refused": dict, "answered": dict})
_MEND = "mend that line, or take the file back from version control; pictures made since then are still in the store"
_BY_HAND = "resolve this conflict by hand: of each asset keep all the lines of one side"


def dump_entry(asset: AssetId, entry: LockEntry) -> str:
    """The lines of one asset, as `join` takes them: a saver may keep them and render only the changed assets."""
    lines = ",\n".join(f'      "{name}": {compact_json(value)}' for name, value in entry_json(entry).items())
    return f"    {compact_json(asset)}: {{\n{lines}\n    }}"


def dump_answer(asset: AssetId, answer: Answer, *, version: int) -> str:
    """The line of one answer, as `join` takes it."""
    return f"    {compact_json(asset)}: {compact_json(refusal_json(answer) if version == 1 else answer_json(answer))}"


def join(entries: Iterable[str], answers: Iterable[str], *, version: int) -> str:
    """The lockfile from the lines of `dump_entry` and `dump_answer`, each sorted by id."""
    return "".join(pieces(entries, answers, version=version))


def pieces(entries: Iterable[str], answers: Iterable[str], *, version: int) -> Iterator[str]:
    """The same in pieces of a few hundred bytes, for a lockfile of 100,000 assets."""
    yield f'{{\n  "lockfile": {version},\n  "assets": {{'
    yield from _lines(entries)
    answered = tuple(answers)
    if answered:
        yield f',\n  "{"refused" if version == 1 else "answered"}": {{'
        yield from _lines(answered)
    yield "\n}\n"


def _lines(lines: Iterable[str]) -> Iterator[str]:
    """The rest of a block."""
    before = end = "\n"
    for line in lines:
        yield before
        yield line
        before, end = ",\n", "\n  }"
    yield end if end != "\n" else "}"


def dumps(lock: Lock) -> str:
    """The lockfile's text: equal locks give equal bytes."""
    return join(
        (dump_entry(asset, entry) for asset, entry in sorted(lock.entries.items(), key=_id)),
        dump_answers(lock),
        version=lock.version,
    )


def dump_answers(lock: Lock) -> Iterator[str]:
    """The lines of all answers, as `join` takes them."""
    version = lock.version
    return (dump_answer(asset, answer, version=version) for asset, answer in sorted(lock.answers.items(), key=_id))


def _id(item: tuple[AssetId, object]) -> str:
    return item[0]


def loads(text: str, *, file: str = "assets.lock", content_of: ContentOf | None = None) -> Lock:
    """The lockfile, or a LockfileError with its place. Both sides of a git conflict are merged per asset.

    `content_of` gives the content of an output on disk, which decides between two sides that changed one asset.
    `verify_recipe_keys` checks that the keys fit the recipes.
    """
    if not has_conflict(text):
        return _parse(text, file, content_of)
    shown = sides(text, file=file)
    try:
        ours, theirs = _parse(shown.ours, file, content_of), _parse(shown.theirs, file, content_of)
    except LockfileError as error:
        hint = _BY_HAND if error.hint == _MEND else error.hint
        raise LockfileError(f"{error.fact} (on one side of the conflict)", hint=hint) from error
    return replace(merge(ours, theirs, base=_base(shown.base, file), content_of=content_of, file=file), merged=True)


def _base(text: str, file: str) -> Lock | None:
    try:
        return _parse(text, file, None)
    except LockfileError:
        return None  # the conflict style may cut the base, or it is itself in conflict: that is not an error


def _parse(text: str, file: str, content_of: ContentOf | None) -> Lock:
    twice: list[tuple[dict[str, Json], list[tuple[str, Json]]]] = []

    def mapping(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
        made = dict(pairs)
        if len(made) != len(pairs):
            twice.append((made, pairs))
        return made

    try:
        root = json.loads(text, object_pairs_hook=mapping, parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        place, fact = Place(file, error.lineno, error.colno), error.msg[:1].lower() + error.msg[1:]
        raise LockfileError(f"{place}: not JSON: {fact}", hint=_MEND) from error
    except (ValueError, RecursionError) as error:
        raise LockfileError(f"{file}: not JSON that a lockfile can hold: {error}", hint=_MEND) from error
    last = _read(root, text, file)
    if not twice:
        ordered = _is_ordered(last.entries) and _is_ordered(last.answers)
        return last if ordered else replace(last, merged=True)
    # If two branches add one asset, git may merge without a conflict and keep both entries, one below the other.
    first = dict(root)
    for found, pairs in twice:
        name, times = Counter(name for name, _ in pairs).most_common(1)[0]
        block = next((block for block in _BLOCKS if root.get(block) is found), None)
        if block is None or times > 2:
            place = Place(file, _line_at(text, text.rfind(f"{compact_json(name)}:")))
            raise LockfileError(f"{place}: {compact_json(name)} appears {times} times in one mapping", hint=_MEND)
        first[block] = dict(reversed(pairs))
    return replace(merge(_read(first, text, file), last, content_of=content_of, file=file), merged=True)


def _is_ordered(values: Mapping[AssetId, object]) -> bool:
    """Whether the ids are in our order. A merge that took the lines of both sides may leave them in another."""
    return all(one < other for one, other in itertools.pairwise(values))


def _read(root: Json, text: str, file: str) -> Lock:
    version = root.get("lockfile") if isinstance(root, dict) else None
    if type(version) is int and version > LOCKFILE_VERSION:
        raise LockfileError(f"{file}: lockfile version {version} is newer than {LOCKFILE_VERSION}", hint=UPGRADE)
    if type(version) is not int or version not in (1, 2, LOCKFILE_VERSION):
        raise LockfileError(f'{file}: not a lockfile: it does not say `"lockfile": {LOCKFILE_VERSION}`', hint=_MEND)
    try:
        top = shaped(root, _FILE)
    except LockfileError as error:
        raise LockfileError(f"{file}: {error.fact}", hint=error.hint or _MEND) from None
    return Lock(
        _read_all(top["assets"], read_entry, "assets", text=text, file=file),
        _read_all(top.get("refused", {}), read_refusal, "refused", text=text, file=file)
        | _read_all(top.get("answered", {}), read_answer, "answered", text=text, file=file),
    )


def _read_all(
    values: Mapping[str, Json], read: Callable[[Json], V], block: str, *, text: str, file: str
) -> dict[AssetId, V]:
    read_values = {}
    for asset, value in values.items():
        try:
            read_values[AssetId(asset)] = read(value)
        except LockfileError as error:
            start = text.find(f"    {compact_json(asset)}: {{", text.find(f'  "{block}": {{'))
            place = Place(file, _line_at(text, start))
            raise LockfileError(f"{place}: {block}.{asset}: {error.fact}", hint=error.hint or _MEND) from None
    return read_values


def _line_at(text: str, position: int) -> int:
    """The line of a position; 0, the whole file, if the position was not found."""
    return 0 if position < 0 else text.count("\n", 0, position) + 1


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a number")


def verify_recipe_keys(lock: Lock, *, file: str = "assets.lock") -> None:
    """Raise LockfileError unless every key is the digest of its recipe: else the file was edited by hand, and the
    original recipe is unknown. Not part of `loads`, since it digests every recipe."""
    wrong = sorted(asset for asset, entry in lock.entries.items() if not _fits(entry))
    if wrong:
        raise LockfileError(
            f"{file}: the recipe does not have the key that stands beside it: {_names(wrong)}",
            hint="take these entries back from version control, or adopt the files again",
        )


def _fits(entry: LockEntry) -> bool:
    try:
        return recipe_key(entry.recipe) == entry.key
    except ValueError:  # a number that no manifest can hold, such as 1e999
        return False


def _names(assets: Sequence[str]) -> str:
    rest = f" and {len(assets) - 5} more" if len(assets) > 5 else ""
    return ", ".join(assets[:5]) + rest
