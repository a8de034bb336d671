"""Find the spec files, parse them and validate each against its schema; collect all problems."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import cast

from reconciler.core.cautions import MAX_CAUTIONS, Caution
from reconciler.core.digest import Json
from reconciler.core.errors import MAX_PROBLEMS, InvalidInput, Place, Problem
from reconciler.core.specs.document import Document
from reconciler.core.specs.document import Path as NodePath
from reconciler.core.specs.expand import SpecTree
from reconciler.core.suggest import nearest_word
from reconciler.core.value import value
from reconciler.store.index.index import Index
from reconciler.store.index.parsed_specs import LateMarks, ParsedEntry, marked
from reconciler.store.index.snapshot import looks_like_spec, signature, spec_kind
from reconciler.store.parallel.process_pool import MAX_PIECES, ProcessPool, start_pool
from reconciler.store.schemas.validate import accepts, schema_problems
from reconciler.store.yaml import loader as yaml
from reconciler.store.yaml.source import MAX_BYTES

_WORTH = 400
"""Specs. Fewer are parsed in the time that it takes to start helpers."""
MAX_TOTAL = 4 << 20
MAX_PER_FILE = 4 << 10
"""Bytes of all specs together: the first number, and the second for each file."""
SPECIAL_NAMES = ("_defaults", "_styles", "_derive", "_bundles")
_AT_THE_TOP = {"styles": "styles are", "derive": "rules are", "bundles": "bundles are"}
"""The kinds of which a project has one file, at the top of its specs."""
_LEAVES = "is a link that leaves the project"


@value
class SpecFiles:
    """The files of the specs folder. `broken` are the specs (paths below the folder) that have problems."""

    tree: SpecTree
    problems: tuple[Problem, ...]
    broken: tuple[str, ...]
    not_read: tuple[Caution, ...] = ()


@value
class FoundSpecs:
    """What every YAML file below the specs folder is by its name (`spec_kind`), by its path below the folder, with `/`,
    sorted; and the files and links that are not read although they may have been meant to be."""

    kinds: Mapping[str, str]
    not_read: tuple[Caution, ...]


def find(root: Path, specs: str, index: Index) -> FoundSpecs:
    """The files below the specs folder. Links to folders are not followed.

    InvalidInput for a folder that cannot be read (its specs would count as deleted), and for files that are too
    long together."""
    stay_inside(root, specs)
    pending = [""]
    found: dict[str, str] = {}
    not_read: list[str] = []
    size = 0
    while pending:
        below = pending.pop()
        folder = f"{specs}/{below}" if below else specs
        try:
            index.note_folder(folder, os.stat(root / folder))
            with os.scandir(root / folder) as entries:
                for entry in entries:
                    name = f"{below}/{entry.name}" if below else entry.name
                    if entry.is_dir(follow_symlinks=False):
                        if not entry.name.startswith("."):
                            pending.append(name)
                    elif kind := spec_kind(entry.name):
                        found[name] = kind
                        size += _size(entry)
                    elif looks_like_spec(entry.name):
                        not_read.append(name)
                    elif entry.is_symlink() and entry.name[0] != "." and entry.is_dir():
                        not_read.append(f"{name}/")
        except FileNotFoundError:
            continue
        except OSError as error:
            raise InvalidInput((Problem(Place(folder), "", _unreadable(error), "check its permissions"),)) from error
    if size > MAX_TOTAL + MAX_PER_FILE * len(found):
        fact = f"its {len(found):,} files have {size:,} bytes together, more than {MAX_PER_FILE:,} a file"
        raise InvalidInput((Problem(Place(specs), "", fact, "specs are short texts: what made these so long?"),))
    return FoundSpecs({name: found[name] for name in sorted(found)}, tuple(_not_read(specs, sorted(not_read))))


def _not_read(specs: str, names: Sequence[str]) -> Iterator[Caution]:
    """A caution for each of these files and links (a path that ends in `/`), up to a limit."""
    for name in names[:MAX_CAUTIONS]:
        place = Place(f"{specs}/{name.removesuffix('/')}")
        stem, _, suffix = name.rpartition("/")[2].rpartition(".")
        if name.endswith("/"):
            yield Caution("a link to a folder is not followed", place=place, hint="copy the folder, or move it here")
        elif suffix.lower() == "json":
            yield Caution("a .json file is not read as a spec", place=place, hint=f"rename it to {stem}.yaml")
        elif suffix not in ("yaml", "yml"):
            fact = f"a file whose name ends in .{suffix} is not read as a spec"
            yield Caution(fact, place=place, hint=f"rename it to {stem}.{suffix.lower()}")
        elif hint := nearest_word(stem, SPECIAL_NAMES):
            yield Caution("a file whose name begins with _ is not a spec", place=place, hint=hint)


def _size(entry: os.DirEntry[str]) -> int:
    """The bytes of a file or of the link's target; a link without one is reported when it is read."""
    try:
        return entry.stat().st_size
    except OSError:
        return 0


def stay_inside(root: Path, specs: str) -> None:
    """InvalidInput where the folder, or one above it, is a link that leaves the project."""
    if not _inside(root, specs):
        raise InvalidInput((Problem(Place(specs), "", _LEAVES, "copy the folder"),))


def _inside(root: Path, name: str) -> bool:
    """Whether a path is below the root, links resolved. `Path.resolve` has no answer for a link to itself."""
    return Path(os.path.realpath(root / name)).is_relative_to(os.path.realpath(root))


class SpecReader:
    """The files of the specs folder, which helper processes parse until they are read.

    `specs` is the folder's path below the root. InvalidInput for one that cannot be listed."""

    def __init__(self, root: Path, specs: str, index: Index) -> None:
        self.root = root
        self.specs = specs
        found = find(root, specs, index)
        self.kinds, self.not_read = found.kinds, found.not_read
        names = [f"{specs}/{name}" for name, kind in self.kinds.items() if kind == "spec"]
        self.ahead = _parse_ahead(root, names, index)


def read_specs(reading: SpecReader, index: Index) -> SpecFiles:
    """All files of the specs folder."""
    root, specs = reading.root, reading.specs
    parsed: dict[int, list[tuple[str, ParsedEntry]]] = reading.ahead.results() if reading.ahead is not None else {}
    for entries in parsed.values():
        index.parsed.remember_all(entries)
    documents: dict[str, Document] = {}
    defaults: dict[str, Document] = {}
    single: dict[str, Document] = {}
    problems: list[Problem] = []
    broken: list[str] = []
    for name, kind in reading.kinds.items():
        if len(problems) >= MAX_PROBLEMS:
            broken.append(name)
            continue
        folder = name.rpartition("/")[0]
        document, wrong = read_document(root, f"{specs}/{name}", kind, index)
        problems.extend(wrong)
        if kind in _AT_THE_TOP and folder:
            fact = f"{_AT_THE_TOP[kind]} read at the top of the specs only"
            problems.append(Problem(Place(f"{specs}/{name}"), "", fact))
        if kind != "spec" and name.endswith(".yml") and (twin := f"{name.removesuffix('.yml')}.yaml") in reading.kinds:
            fact = f"{specs}/{twin} is beside it, and one of the two would be ignored"
            problems.append(Problem(Place(f"{specs}/{name}"), "", fact, "merge the two files"))
        if document is None or wrong:
            broken.append(name)
        elif kind == "defaults":
            defaults[folder] = document
        elif kind in _AT_THE_TOP:
            single[kind] = document
        else:
            documents[name] = document
    return SpecFiles(SpecTree(documents, defaults, **single), tuple(problems), tuple(broken), reading.not_read)


def read_document(root: Path, name: str, kind: str, index: Index) -> tuple[Document | None, tuple[Problem, ...]]:
    """One file, parsed and validated; from the cache if its signature is unchanged."""
    known = _known(root, name, index) if kind == "spec" else None
    if known is not None:
        return Document(name, known, LateMarks(partial(_marks, root, name))), ()
    try:
        seen, data = _text(root, name)
        index.note_stat(name, seen)
    except InvalidInput as error:
        return None, error.problems
    document, problems = checked_document(name, kind, data)
    if kind == "spec" and document is not None and not problems:
        index.parsed.remember(name, seen, document.value)
    return document, problems


def checked_document(name: str, kind: str, data: bytes) -> tuple[Document | None, tuple[Problem, ...]]:
    """The bytes of one file, parsed and validated."""
    try:
        document = yaml.parse(data, file=name)
    except InvalidInput as error:
        return None, error.problems
    if document.value is None and kind != "spec":
        document = Document(name, {}, document.marks)
    return document, schema_problems(kind, document)


def _known(root: Path, name: str, index: Index) -> Json:
    """The cached value of a spec whose signature is unchanged, or None."""
    taken = index.parsed.pop_parsed(name)
    if taken is not None:
        index.note_signature(name, marked(taken))
        return cast(Json, taken[4])
    try:
        seen = os.lstat(f"{root}/{name}")
    except OSError:
        return None
    known = index.parsed.value(name, seen) if stat.S_ISREG(seen.st_mode) else None
    if known is not None:
        index.note_stat(name, seen)
    return known


def _parse_ahead(root: Path, names: Sequence[str], index: Index) -> ProcessPool | None:
    """Start to parse the specs that are not in the cache, if they are many. `read_document` reports invalid ones."""
    new = [name for name in names if name not in index.parsed]
    if len(new) < _WORTH:
        return None
    step = len(new) // MAX_PIECES + 16

    def piece(number: int) -> list[tuple[str, ParsedEntry]]:
        parsed = ((name, _entry(root, name)) for name in new[number * step : number * step + step])
        return [(name, entry) for name, entry in parsed if entry is not None]

    accepts("spec", None)  # the schema is compiled once, before there are helpers
    return start_pool(piece, -(-len(new) // step))


def _entry(root: Path, name: str) -> ParsedEntry | None:
    """The cache entry of a valid spec; None for an invalid one."""
    try:
        seen, data = _text(root, name)
        document = yaml.parse(data, file=name)
    except InvalidInput:
        return None
    valid = accepts("spec", document.value) and not document.spellings  # `read_document` judges those
    return [*signature(seen), document.value] if valid else None


def _marks(root: Path, name: str) -> Mapping[NodePath, tuple[int, int]]:
    """The positions in a file that was valid before; none if it is not any more."""
    try:
        return yaml.parse(_text(root, name)[1], file=name).marks
    except InvalidInput:
        return {}


def _text(root: Path, name: str) -> tuple[os.stat_result, bytes]:
    """The state of a text file before it was read, and its bytes; InvalidInput for a file that cannot be read, is not
    plain or lies outside the project."""
    path = f"{root}/{name}"
    try:
        try:
            fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW)
        except OSError:
            if not os.path.islink(path):
                raise
            if not _inside(root, name):
                raise InvalidInput((Problem(Place(name), "", _LEAVES, "copy the file"),)) from None
            fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        try:
            seen = os.fstat(fd)
            if not stat.S_ISREG(seen.st_mode):
                raise InvalidInput((Problem(Place(name), "", "is not a plain file"),))
            return seen, _read(fd, seen.st_size)
        finally:
            os.close(fd)
    except OSError as error:
        raise InvalidInput((Problem(Place(name), "", _unreadable(error), "check its permissions"),)) from error


def _unreadable(error: OSError) -> str:
    return f"cannot be read: {(error.strerror or str(error)).lower()}"


def _read(fd: int, size: int) -> bytes:
    """The bytes of a file, at most one more than a spec may have."""
    room = MAX_BYTES + 1
    pieces = [os.read(fd, min(room, size + 1))]
    if len(pieces[0]) != size:  # it changes while it is read, or is longer than that
        while (room := room - len(pieces[-1])) and (piece := os.read(fd, room)):
            pieces.append(piece)
    return b"".join(pieces)
