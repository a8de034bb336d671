"""Name the successors of models in the specs: an edit of their text, after which no image is stale."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path

from reconciler.core.digest import AssetId
from reconciler.core.errors import InvalidInput, ProjectError
from reconciler.core.money.cost import Cost
from reconciler.core.specs.document import Document
from reconciler.core.specs.scalar_edit import edited_text, model_edits
from reconciler.core.value import value
from reconciler.project.load import LoadedSpecs, load_specs
from reconciler.project.prices import remake_price
from reconciler.project.workspace import Workspace
from reconciler.providers.models.table import ModelTable, model_table, successions
from reconciler.store import disk
from reconciler.store.yaml.loader import parse
from reconciler.store.yaml.source import MAX_BYTES


@value
class FileEdit:
    """A file with its new bytes, and the difference as lines."""

    path: str
    before: bytes
    after: bytes
    diff: tuple[str, ...]


@value
class Migration:
    """The edits, and the places that must be edited by hand. `renames` are the models by their successors."""

    renames: Mapping[str, str]
    edits: tuple[FileEdit, ...]
    by_hand: tuple[str, ...]


def migration(workspace: Workspace, asked: Mapping[str, str], *, today: date) -> Migration:
    """The edits that name the successor of each model of `asked`; without one, of each retired model that has one.

    ProjectError for a model that does not succeed the other: its images would be stale.
    """
    loaded = load_specs(workspace)
    table = model_table(loaded.project.settings.models)
    for old, new in asked.items():
        row = table.find(new)
        if row is None or old not in row.succeeds:
            hint = f"if it is the same model, write models: {{{new}: {{succeeds: [{old}]}}}} in reconciler.yaml"
            raise ProjectError(f'"{new}" does not succeed "{old}": images of the one would be stale', hint=hint)
    renames = dict(asked) or _retired(table, today)
    edits: list[FileEdit] = []
    by_hand: list[str] = []
    for document in _documents(loaded):
        wanted = model_edits(document, renames)
        if wanted:
            edit = _edit(workspace.root, document, renames)
            if edit is None:
                by_hand += [f"{document.file}:{each.line}:{each.column}: model: {each.before}" for each in wanted]
            else:
                edits.append(edit)
    return Migration(renames, tuple(edits), tuple(by_hand))


@value
class Remake:
    """An image that an earlier model made, and the price of one by its successor; None where that is unknown."""

    asset: AssetId
    old: str
    new: str
    price: Cost | None


def remakes(workspace: Workspace, asked: Mapping[str, str], *, today: date) -> tuple[Remake, ...]:
    """The locked images whose model is one of `asked`, or any that the model of their spec succeeds or will succeed."""
    found = migration(workspace, asked, today=today)
    loaded = load_specs(workspace)
    before = successions(model_table(loaded.project.settings.models))
    made: list[Remake] = []
    for asset, spec in sorted(loaded.specs.items()):
        entry = workspace.recorded.entries.get(asset)
        model = spec.base_recipe.model or ""
        new = found.renames.get(model, model)
        old = str(entry.recipe.get("model", "")) if entry is not None else ""
        if old in before.get(new, ()) and (not asked or old in asked):
            made.append(Remake(asset, old, new, remake_price(loaded.project, spec, new)))
    return tuple(made)


def write_migration(workspace: Workspace, found: Migration) -> None:
    """Write the edits. ProjectError for a file that was changed meanwhile; those before it are written."""
    for edit in found.edits:
        path = workspace.root / edit.path
        if disk.plain_bytes(path, most=MAX_BYTES) != edit.before:
            raise ProjectError(f"{edit.path} was changed meanwhile", hint="run the command again")
        disk.write_atomic(path, edit.after)


def _retired(table: ModelTable, today: date) -> dict[str, str]:
    """Retired models, by any provider's date, with their successors."""
    renames: dict[str, str] = {}
    for name, row in table.models.items():
        for old in row.succeeds:
            before = table.find(old)
            days = [before.retires, *before.retires_at.values()] if before is not None else []
            if any(day and day <= today.isoformat() for day in days):
                renames[old] = name
    return renames


def _documents(loaded: LoadedSpecs) -> Iterator[Document]:
    yield loaded.project.document
    if loaded.tree.styles is not None:
        yield loaded.tree.styles
    yield from loaded.tree.defaults.values()
    yield from loaded.tree.specs.values()


def _edit(root: Path, document: Document, renames: Mapping[str, str]) -> FileEdit | None:
    """The edit of one file; None where the new text would not be the old one with these values replaced."""
    before = disk.plain_bytes(root / document.file, most=MAX_BYTES)
    try:
        old = parse(before, file=document.file)
        text = edited_text(before.decode("utf-8"), model_edits(old, renames))
        new = parse(text.encode(), file=document.file) if text is not None else None
    except (InvalidInput, UnicodeDecodeError):
        return None
    if text is None or new is None or new.value != _renamed(old, renames):
        return None
    lines = difflib.unified_diff(
        before.decode().splitlines(), text.splitlines(), document.file, document.file, lineterm="", n=1
    )
    return FileEdit(document.file, before, text.encode(), tuple(lines))


def _renamed(document: Document, renames: Mapping[str, str]) -> object:
    """The value of a document with its models replaced."""

    def renamed(node: object, key: object = "") -> object:
        if isinstance(node, dict):
            plain = ("vars", "params", "matrix", "models", "providers")
            return {name: below if name in plain else renamed(below, name) for name, below in node.items()}
        if isinstance(node, list):
            return [renamed(each) for each in node]
        return renames.get(node, node) if key == "model" and isinstance(node, str) else node

    return renamed(document.value)
