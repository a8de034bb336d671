"""Write specs for the rows of a table or a manifest of another tool. An existing spec is never overwritten."""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from reconciler.core.errors import InvalidInput, Place, Problem, ProjectError
from reconciler.core.specs.paths import BadPath, project_path
from reconciler.core.value import value
from reconciler.project.import_manifests import read_manifest
from reconciler.project.workspace import Workspace
from reconciler.providers.registry import REGISTRY
from reconciler.store import disk
from reconciler.store.documents.project import read_project
from reconciler.store.documents.specs import checked_document

MAX_IMPORT_BYTES = 16 << 20
MANIFESTS = ("bananarama", "hokusai")
_LISTS = ("tags", "style")


@value
class ImportedSpec:
    """One row: the path of its spec below the project, its text, and whether a spec is there already."""

    path: str
    text: str
    exists: bool


@value
class ImportedSpecs:
    """The specs, and what the source has that a spec has not, as lines."""

    specs: tuple[ImportedSpec, ...]
    left_out: tuple[str, ...] = ()


def imported_specs(workspace: Workspace, kind: str, table: Path) -> ImportedSpecs:
    """The specs of the rows. InvalidInput with every row that is none: nothing is written then."""
    folder = read_project(workspace.root, workspace.index, REGISTRY).settings.specs
    if kind in MANIFESTS:
        manifest = read_manifest(workspace.root, kind, table)
        return ImportedSpecs(_specs(workspace.root, folder, manifest.rows), manifest.left_out)
    rows = ((Place(str(table), line), row) for line, row in _rows(kind, table))
    return ImportedSpecs(_specs(workspace.root, folder, rows))


def _rows(kind: str, table: Path) -> Iterator[tuple[int, object]]:
    try:
        text = disk.plain_bytes(table, most=MAX_IMPORT_BYTES).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ProjectError(f"{table} is not UTF-8 text") from error
    except FileNotFoundError as error:
        raise ProjectError(f"there is no file {table}") from error
    return _of_csv(text) if kind == "csv" else _of_lines(text)


def _specs(root: Path, folder: str, rows: Iterable[tuple[Place, object]]) -> tuple[ImportedSpec, ...]:
    problems: list[Problem] = []
    found: dict[str, ImportedSpec] = {}
    for place, row in rows:
        spec: ImportedSpec | Problem
        if isinstance(row, Problem):
            spec = row
        elif isinstance(row, Mapping):
            spec = _spec(root, folder, row, place)
        else:
            spec = _wrong(place, "is no object")
        if isinstance(spec, ImportedSpec) and spec.path in found:
            spec = _wrong(place, f"{spec.path} is the spec of an earlier row, too")
        if isinstance(spec, Problem):
            problems.append(spec)
        else:
            found[spec.path] = spec
    if problems:
        raise InvalidInput(problems)
    return tuple(found.values())


def write_specs(workspace: Workspace, specs: tuple[ImportedSpec, ...]) -> None:
    """Write the specs that are not there yet."""
    for spec in specs:
        if not spec.exists:
            disk.make_dirs((workspace.root / spec.path).parent)
            disk.write_atomic(workspace.root / spec.path, spec.text.encode())


def _spec(root: Path, folder: str, row: Mapping[str, Any], place: Place) -> ImportedSpec | Problem:
    name = str(row.get("id", ""))
    path = project_path(f"{folder}/{name}.yaml")
    special = os.path.basename(name).startswith("_")
    if not name or special or isinstance(path, BadPath) or not path.startswith(f"{folder}/"):
        return _wrong(place, f'"{name}" is no id', "give each row an id such as icons/bow")
    if not _in_the_specs(root, folder, path):
        return _wrong(place, f"{path} lies behind a link", "copy the folder in place of the link")
    fields = {key: each for key, each in row.items() if key and key != "id" and each not in (None, "")}
    lines = (f"{key}: {json.dumps(_value(key, each), ensure_ascii=False)}" for key, each in fields.items())
    text = "".join(f"{line}\n" for line in lines)
    document, wrong = checked_document(path, "spec", text.encode())
    if document is None or wrong:
        return _wrong(place, f"{wrong[0].field}: {wrong[0].fact}" if wrong[0].field else wrong[0].fact, wrong[0].hint)
    return ImportedSpec(path, text, (root / path).exists())


def _in_the_specs(root: Path, folder: str, path: str) -> bool:
    """Whether the folder of a spec is where its path says, and no link leads it out of the project or the specs."""
    specs = (root / folder).resolve()
    real = (root / path).parent.resolve()
    return specs.is_relative_to(root.resolve()) and real == specs / os.path.dirname(path.removeprefix(f"{folder}/"))


def _value(key: str, given: object) -> object:
    """Lists of a table are written with spaces between."""
    return given.split() if key in _LISTS and isinstance(given, str) else given


def _wrong(place: Place, fact: str, hint: str = "") -> Problem:
    return Problem(place, "", fact, hint)


def _of_csv(text: str) -> Iterator[tuple[int, object]]:
    reader = csv.DictReader(io.StringIO(text, newline=""))
    try:
        for row in reader:
            yield reader.line_num, {str(key): each for key, each in row.items() if key is not None}
    except csv.Error as error:
        yield reader.line_num, str(error)


def _of_lines(text: str) -> Iterator[tuple[int, object]]:
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip():
            try:
                yield number, json.loads(line)
            except (ValueError, RecursionError):
                yield number, "not JSON"
