"""Format specs: each file is parsed before and after, and left alone unless its values and comments are the same."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

from reconciler.core.errors import InvalidInput
from reconciler.core.specs.document import Document
from reconciler.core.specs.format_layout import laid_out
from reconciler.core.specs.format_text import formatted_spec
from reconciler.core.value import value
from reconciler.project.workspace import Workspace
from reconciler.providers.registry import REGISTRY
from reconciler.store import disk
from reconciler.store.documents.project import read_project
from reconciler.store.documents.specs import find
from reconciler.store.schemas.files import schema_text
from reconciler.store.yaml.loader import parse
from reconciler.store.yaml.source import MAX_BYTES

_KINDS = ("spec", "defaults")


@value
class Formatted:
    """One file: its path, and its bytes before and after; `after` None where it is left alone."""

    path: str
    before: bytes
    after: bytes | None


def format_specs(workspace: Workspace) -> Iterator[Formatted]:
    """Every spec and every file of defaults whose text would change, or that cannot be formatted."""
    project = read_project(workspace.root, workspace.index, REGISTRY)
    folder = project.settings.specs
    order = _order()
    for name, kind in find(workspace.root, folder, workspace.index).kinds.items():
        path = workspace.root / folder / name
        if kind not in _KINDS or path.is_symlink():
            continue
        found = _formatted(path, f"{folder}/{name}", order)
        if found.after != found.before:
            yield found


def write_formatted(workspace: Workspace, found: Formatted) -> None:
    """Write a formatted file."""
    if found.after is not None:
        disk.write_atomic(workspace.root / found.path, found.after)


def _formatted(path: Path, name: str, order: tuple[str, ...]) -> Formatted:
    """The file with a new layout and its fields in order; in order only, if the layout would change it."""
    before = disk.plain_bytes(path, most=MAX_BYTES)
    try:
        text = before.decode("utf-8")
        old = parse(before, file=name)
    except (InvalidInput, UnicodeDecodeError):
        return Formatted(name, before, None)
    for start in (laid_out(text), text):
        after = formatted_spec(start, order) if start is not None else None
        if after is not None and _is_same(after, text, old, exactly=start is text):
            return Formatted(name, before, after.encode())
    return Formatted(name, before, None)


def _is_same(after: str, text: str, old: Document, *, exactly: bool) -> bool:
    """Whether the values, the comments and the lines are those of before, the lines without indentation and quotes."""
    try:
        new = parse(after.encode(), file=old.file)
    except InvalidInput:
        return False
    same = new.value == old.value and _comments(after) == _comments(text)
    return same and _lines(after, exactly=exactly) == _lines(text, exactly=exactly)


def _comments(text: str) -> list[str]:
    """What stands behind the first # of each line, in any order."""
    return sorted(line.partition("#")[2] for line in text.split("\n") if "#" in line)


def _lines(text: str, *, exactly: bool) -> list[str]:
    """The lines with something on them, in any order: comments and values alike."""
    lines = (line for line in text.split("\n") if line.strip())
    return sorted(lines if exactly else (re.sub("[\"']", "", line.strip()) for line in lines))


def _order() -> tuple[str, ...]:
    """The fields of a spec in the order of the schema."""
    schema = json.loads(schema_text("spec"))
    return tuple(schema["$defs"]["asset"]["properties"])
