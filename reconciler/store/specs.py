"""Find the spec files, read them and hold each against its schema: files in, a SpecTree or all their problems out."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from reconciler.core.document import Document
from reconciler.core.errors import InvalidInput, Place, Problem
from reconciler.core.expand import SpecTree
from reconciler.store import yaml
from reconciler.store.index import Index
from reconciler.store.schema import schema_problems
from reconciler.store.snapshot import spec_kind
from reconciler.store.yaml_source import MAX_BYTES


@dataclass(frozen=True, slots=True)
class SpecFiles:
    """What was read. `broken` are the specs (paths below the folder) that have problems."""

    tree: SpecTree
    problems: tuple[Problem, ...]
    broken: tuple[str, ...]


def find(root: Path, specs: str, index: Index) -> Iterator[str]:
    """Every YAML file below the specs folder, as a path with `/`, sorted. Links to folders are not followed."""
    pending = [""]
    found: list[str] = []
    while pending:
        below = pending.pop()
        folder = f"{specs}/{below}" if below else specs
        try:
            index.saw_folder(folder, os.stat(root / folder))
            with os.scandir(root / folder) as entries:
                for entry in entries:
                    name = f"{below}/{entry.name}" if below else entry.name
                    if entry.is_dir(follow_symlinks=False):
                        if not entry.name.startswith("."):
                            pending.append(name)
                    elif spec_kind(entry.name):
                        found.append(name)
        except FileNotFoundError:
            continue
    return iter(sorted(found))


def read_specs(root: Path, specs: str, index: Index) -> SpecFiles:
    """All files of the specs folder. `specs` is its path below the root."""
    documents: dict[str, Document] = {}
    defaults: dict[str, Document] = {}
    styles: Document | None = None
    problems: list[Problem] = []
    broken: list[str] = []
    for name in find(root, specs, index):
        folder, _, base = name.rpartition("/")
        kind = spec_kind(base)
        document, wrong = read_document(root, f"{specs}/{name}", kind, index)
        problems.extend(wrong)
        if kind == "styles" and folder:
            problems.append(Problem(Place(f"{specs}/{name}"), "", "styles are read at the top of the specs only"))
        if document is None or wrong:
            broken.append(name)
        elif kind == "defaults":
            defaults[folder] = document
        elif kind == "styles":
            styles = document
        else:
            documents[name] = document
    return SpecFiles(SpecTree(documents, defaults, styles), tuple(problems), tuple(broken))


def read_document(root: Path, name: str, kind: str, index: Index) -> tuple[Document | None, tuple[Problem, ...]]:
    """One file, parsed and held against its schema."""
    try:
        document = yaml.parse(read_source(root, name, index), file=name)
    except InvalidInput as error:
        return None, error.problems
    if document.value is None and kind in ("defaults", "styles", "project"):
        document = Document(name, {}, document.marks)
    return document, schema_problems(kind, document)


def read_source(root: Path, name: str, index: Index) -> bytes:
    """A text file's bytes; InvalidInput for one that cannot be read, is no plain file or lies outside the project."""
    path = f"{root}/{name}"
    try:
        if os.path.islink(path) and not Path(path).resolve().is_relative_to(root.resolve()):
            raise InvalidInput((Problem(Place(name), "", "is a link that leaves the project", "copy the file"),))
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        try:
            seen = os.fstat(fd)
            if not stat.S_ISREG(seen.st_mode):
                raise InvalidInput((Problem(Place(name), "", "is not a plain file"),))
            index.saw(name, seen)
            return _read(fd, seen.st_size)
        finally:
            os.close(fd)
    except OSError as error:
        raise InvalidInput((Problem(Place(name), "", f"cannot be read: {error.strerror}"),)) from error


def _read(fd: int, size: int) -> bytes:
    """All of a file that is no longer than a spec may be; one that is longer is cut just past that."""
    pieces = []
    room = MAX_BYTES + 1
    while room and (piece := os.read(fd, min(room, max(size + 1, 512)))):
        pieces.append(piece)
        room -= len(piece)
    return b"".join(pieces)
