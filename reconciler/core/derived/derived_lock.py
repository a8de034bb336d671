"""`derived.lock` as values and as text: which files were derived, from what key, and with which content.

The text, version 1:
- JSON, UTF-8, LF, a final newline. First `derived`, the version and nothing else; then `sets`, sorted by name. A set is
  one asset and one rule (`hero~web`), or one bundle at one density (`items`, `items@2x`).
- A set is a block of one line for each file, sorted by path. A line says all about its file, keys sorted.
- The reason is that git merges by line. In a flat list, a file that is made anew conflicts with one that is added
  beside it; blocks do not.
- An unknown key is an error: if it were ignored, the next save would drop it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from reconciler.core.derived.key import DerivedKey
from reconciler.core.digest import ContentHash
from reconciler.core.errors import LockfileError, Place
from reconciler.core.images.sniff import SUFFIXES
from reconciler.core.lock.json_shape import UPGRADE, Shape, a_content, compact_json, shaped
from reconciler.core.lock.merge import has_conflict, sides
from reconciler.core.specs.paths import BadPath, project_path
from reconciler.core.value import field, value

DERIVED_VERSION = 1
BY_HAND = "by hand"
"""`made` of a file that a person adopted."""
_FILE = Shape({"derived": int, "sets": dict})
_LINE = Shape({"bytes": int, "content": str, "key": str, "made": str}, {"size": str})
_KEY = re.compile(r"d1:[0-9a-f]{64}")
_NEWER_KEY = re.compile(r"d(?!1:)[0-9]+:[0-9a-f]+")
_SIZE = re.compile(r"[1-9][0-9]{0,4}x[1-9][0-9]{0,4}")
_TEXTS = (".json", ".html", ".css", ".plist", ".tres", ".tpsheet", ".ico", ".webmanifest", ".xml")
"""The suffixes of derived files that are no pictures of a usual kind."""
_LONGEST = 1_200
_MEND = "take the file back from version control, or delete it: `reconciler derive` makes it anew, for nothing"


@value
class DerivedLine:
    """One derived file. `width` and `height` are pixels, 0 for a text."""

    key: DerivedKey
    content: ContentHash
    size: int
    made: str
    width: int = 0
    height: int = 0

    @property
    def by_hand(self) -> bool:
        return self.made == BY_HAND


@value
class DerivedLock:
    """The sets by name, each a mapping of paths to lines. `merged`: the text held both sides of a merge."""

    sets: Mapping[str, Mapping[str, DerivedLine]] = field(default_factory=dict)
    merged: bool = False

    def lines(self) -> Iterator[tuple[str, str, DerivedLine]]:
        """Every line with the name of its set and its path."""
        for name, block in self.sets.items():
            for path, line in block.items():
                yield name, path, line


def dump_derived(sets: Mapping[str, Mapping[str, DerivedLine]]) -> str:
    """The text of the lock; sets without a file are left out."""
    blocks = ",\n".join(dump_set(name, sets[name]) for name in sorted(sets) if sets[name])
    return join_derived(blocks)


def join_derived(blocks: str) -> str:
    """The lock from the texts of `dump_set`, sorted by name and joined by a comma and a line break."""
    body = f'  "sets": {{\n{blocks}\n  }}' if blocks else '  "sets": {}'
    return f'{{\n  "derived": {DERIVED_VERSION},\n{body}\n}}\n'


def dump_set(name: str, block: Mapping[str, DerivedLine]) -> str:
    """The block of one set."""
    lines = ",\n".join(f"      {compact_json(path)}: {_line_text(block[path])}" for path in sorted(block))
    return f"    {compact_json(name)}: {{\n{lines}\n    }}"


def _line_text(line: DerivedLine) -> str:
    size = f', "size": "{line.width}x{line.height}"' if line.width else ""
    made = compact_json(line.made)
    return f'{{"bytes": {line.size}, "content": "{line.content}", "key": "{line.key}", "made": {made}{size}}}'


def load_derived(text: str, *, file: str, content_of: Callable[[str], ContentHash | None]) -> DerivedLock:
    """The lock in a text. Of both sides of a merge, the line counts whose content is on disk; `content_of` tells it.

    Raises LockfileError for anything that is not a lock of this version.
    """
    if has_conflict(text):
        both = sides(text, file=file)
        return _merged(_sets(both.ours, file, _Pairs()), _sets(both.theirs, file, _Pairs()), content_of)
    last = _Pairs()
    found = _sets(text, file, last)
    if not last.twice:
        return DerivedLock(found)
    return _merged(_sets(text, file, _Pairs(first=True)), found, content_of)


class _Pairs:
    """Makes mappings of JSON. Of a key that is there twice, since git merged two sides without a conflict, it keeps the
    last value, or the first one."""

    def __init__(self, *, first: bool = False) -> None:
        self.twice = False
        self._first = first

    def __call__(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) < len(pairs):
            self.twice = True
            if self._first:
                found = dict(reversed(pairs))
        return found


def _merged(
    ours: Mapping[str, Mapping[str, DerivedLine]],
    theirs: Mapping[str, Mapping[str, DerivedLine]],
    content_of: Callable[[str], ContentHash | None],
) -> DerivedLock:
    sets: dict[str, dict[str, DerivedLine]] = {}
    for name in sorted({*ours, *theirs}):
        mine, other = ours.get(name, {}), theirs.get(name, {})
        sets[name] = {
            path: _chosen(path, mine.get(path), other.get(path), content_of) for path in sorted({*mine, *other})
        }
    return DerivedLock(sets, merged=True)


def _chosen(
    path: str, ours: DerivedLine | None, theirs: DerivedLine | None, content_of: Callable[[str], ContentHash | None]
) -> DerivedLine:
    if ours is None or theirs is None:
        line = ours or theirs
        assert line is not None
        return line
    return theirs if ours.content != theirs.content and content_of(path) == theirs.content else ours


def _sets(text: str, file: str, pairs: _Pairs) -> dict[str, dict[str, DerivedLine]]:
    try:
        found = json.loads(text, object_pairs_hook=pairs)
    except json.JSONDecodeError as error:
        place, fact = Place(file, error.lineno, error.colno), error.msg[:1].lower() + error.msg[1:]
        raise LockfileError(f"{place}: not JSON: {fact}", hint=_MEND) from None
    except (ValueError, RecursionError) as error:
        raise LockfileError(f"{file}: not JSON that a lock can hold: {error}", hint=_MEND) from None
    try:
        return _read(found)
    except LockfileError as error:
        raise LockfileError(f"{file}: {error.fact}", hint=error.hint or _MEND) from None


def _read(found: Any) -> dict[str, dict[str, DerivedLine]]:
    version = found.get("derived") if isinstance(found, dict) else None
    if type(version) is int and version > DERIVED_VERSION:
        raise LockfileError(f"has version {version}, and this program reads {DERIVED_VERSION}", hint=UPGRADE)
    body = shaped(found, _FILE)
    if body["derived"] != DERIVED_VERSION:
        raise LockfileError(f"derived: is {body['derived']}, and the version is {DERIVED_VERSION}")
    sets: dict[str, dict[str, DerivedLine]] = {}
    for name, block in body["sets"].items():
        if len(name) > _LONGEST:
            raise LockfileError(f"sets: a name has more than {_LONGEST:,} characters")
        if not isinstance(block, dict):
            raise LockfileError(f"{name}: not a mapping")
        sets[name] = {_path(path, name): _line(line, f"{name}.{path}") for path, line in block.items()}
    return sets


def _path(path: str, name: str) -> str:
    found = derived_path(path)
    if isinstance(found, BadPath):
        hint = "nothing is read or written there: take the line out, or restore the file from version control"
        raise LockfileError(f"{name}: {found.fact[:300]}", hint=hint)
    return path


def derived_path(path: str) -> str | BadPath:
    """The path of a derived file, which may be written, replaced and removed; or the reason why it is invalid."""
    found = project_path(path)
    if isinstance(found, BadPath):
        return found
    if found != path:
        return BadPath(f'"{path}" is not in normal form', f'write "{found}"')
    name = path.rpartition("/")[2]
    stem, dot, suffix = name.rpartition(".")
    if not (dot and stem) or (f".{suffix.lower()}" not in SUFFIXES and f".{suffix}" not in _TEXTS):
        return BadPath(f'"{path}" is not named as a derived file')
    return path


def _line(given: Any, name: str) -> DerivedLine:
    body = shaped(given, _LINE, name)
    width = height = 0
    if "size" in body:
        if not _SIZE.fullmatch(body["size"]):
            raise LockfileError(f"{name}.size: {body['size'][:40]!r} is not a size in pixels")
        width, height = map(int, body["size"].split("x"))
    if not 0 <= body["bytes"] < 1 << 40:
        raise LockfileError(f"{name}.bytes: {body['bytes']} is not a size")
    if len(body["made"]) > 200:
        raise LockfileError(f"{name}.made: has more than 200 characters")
    content = a_content(body["content"], f"{name}.content")
    return DerivedLine(_derived_key(body["key"], f"{name}.key"), content, body["bytes"], body["made"], width, height)


def _derived_key(text: str, name: str) -> DerivedKey:
    if not _KEY.fullmatch(text):
        hint = UPGRADE if _NEWER_KEY.fullmatch(text) else ""
        raise LockfileError(f"{name}: {text[:80]!r} is not d1: and 64 hex digits", hint=hint)
    return DerivedKey(text)
