"""Format specs: each file is parsed before and after, and left alone unless its values and its lines are the same."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from reconciler.core.errors import InvalidInput
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
    before = disk.plain_bytes(path, most=MAX_BYTES)
    try:
        text = before.decode("utf-8")
        old = parse(before, file=name)
        after = formatted_spec(text, order)
        same = (
            after is not None and parse(after.encode(), file=name).value == old.value and _lines(after) == _lines(text)
        )
    except (InvalidInput, UnicodeDecodeError):
        return Formatted(name, before, None)
    return Formatted(name, before, after.encode() if after is not None and same else None)


def _lines(text: str) -> list[str]:
    """The lines with something on them, in any order: comments and values alike."""
    return sorted(line for line in text.split("\n") if line.strip())


def _order() -> tuple[str, ...]:
    """The fields of a spec in the order of the schema."""
    schema = json.loads(schema_text("spec"))
    return tuple(schema["$defs"]["asset"]["properties"])
