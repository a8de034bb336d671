"""Set up a project: write the missing files, and overwrite none."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from reconciler.core.errors import InvalidInput
from reconciler.core.specs.settings import Settings
from reconciler.core.value import value
from reconciler.project.init_files import EXAMPLE, GIT_ATTRIBUTES, GIT_IGNORE, PROJECT, with_lines
from reconciler.providers.registry import REGISTRY
from reconciler.store import disk
from reconciler.store.documents.project import PROJECT_FILE, read_project
from reconciler.store.documents.specs import find
from reconciler.store.index.index import index_without_memory

_MOST = 1 << 20
"""Bytes of a file to which lines are added."""


@value
class Wrote:
    """A new file."""

    name: str


@value
class AddedLines:
    """Lines were appended to an existing file."""

    name: str


@value
class Kept:
    """A file that was not changed, and the reason."""

    name: str
    why: str


InitOutcome = Wrote | AddedLines | Kept


def init_project(root: Path) -> Iterator[InitOutcome]:
    """Write reconciler.yaml, an example spec and the lines for git into an existing folder, one after another."""
    yield _written(root, PROJECT_FILE, PROJECT)
    specs = _specs_folder(root)
    if find(root, specs, index_without_memory(root)).kinds:
        yield Kept(f"{specs}/", "it contains specs")
    else:
        yield _written(root, f"{specs}/example.yaml", EXAMPLE)
    yield _with_lines(root, ".gitignore", GIT_IGNORE)
    yield _with_lines(root, ".gitattributes", GIT_ATTRIBUTES)


def project_above(root: Path) -> Path | None:
    """The nearest project in a parent folder of a folder that is no project itself."""
    if (root / PROJECT_FILE).exists():
        return None
    return next((folder for folder in root.parents if (folder / PROJECT_FILE).is_file()), None)


def in_git(root: Path) -> bool:
    """Whether the folder lies in a git repository."""
    return any(os.path.lexists(folder / ".git") for folder in (root, *root.parents))


def _written(root: Path, name: str, text: str) -> InitOutcome:
    path = root / name
    if os.path.lexists(path):
        return Kept(name, "it exists")
    disk.make_dirs(path.parent)
    disk.write_atomic(path, text.encode())
    return Wrote(name)


def _with_lines(root: Path, name: str, lines: tuple[str, ...]) -> InitOutcome:
    path = root / name
    if path.is_symlink():  # git does not read it either
        return Kept(name, f"it is a symbolic link; add these lines to its target: {', '.join(lines)}")
    old = disk.plain_bytes(path, most=_MOST, hint="add the lines yourself") if path.exists() else b""
    new = with_lines(old, lines)
    if new == old:
        return Kept(name, "it has the lines")
    disk.write_atomic(path, new)
    return AddedLines(name) if old else Wrote(name)


def _specs_folder(root: Path) -> str:
    """The specs folder of an existing project file; `validate` reports its errors."""
    with suppress(InvalidInput):
        return read_project(root, index_without_memory(root), REGISTRY).settings.specs
    return Settings().specs
