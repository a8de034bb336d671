"""Set up a project: write the missing files, and overwrite none."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from reconciler.core.errors import InvalidInput
from reconciler.core.specs.settings import Settings
from reconciler.core.value import value
from reconciler.project.init_files import (
    CI_FILES,
    EXAMPLE,
    EXAMPLES,
    GIT_ATTRIBUTES,
    GIT_IGNORE,
    PRE_COMMIT,
    lfs_lines,
    project_file,
    schema_line,
    with_lines,
)
from reconciler.providers.registry import REGISTRY
from reconciler.store import disk
from reconciler.store.documents.project import PROJECT_FILE, read_project
from reconciler.store.documents.specs import find
from reconciler.store.index.index import index_without_memory
from reconciler.store.schemas.files import NAMES, schema_text

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


@value
class InitOptions:
    """What `init` writes besides the files that every project has. `ci` is a name of `CI_FILES`, or ""."""

    provider: str = "draft"
    example: bool = False
    schemas: bool = False
    lfs: bool = False
    pre_commit: bool = False
    ci: str = ""


def init_project(root: Path, options: InitOptions) -> Iterator[InitOutcome]:
    """Write the files of a project into an existing folder, one after another: reconciler.yaml, specs, lines for git,
    and what the options ask for."""
    yield _written(root, PROJECT_FILE, project_file(options.provider))
    settings = _settings(root)
    if find(root, settings.specs, index_without_memory(root)).kinds:
        yield Kept(f"{settings.specs}/", "it contains specs")
    else:
        for name, text in (EXAMPLES if options.example else {"example.yaml": EXAMPLE}).items():
            depth = 1 + settings.specs.count("/") + name.count("/")
            modeline = schema_line(depth) if options.schemas and not name.startswith("_") else ""
            yield _written(root, f"{settings.specs}/{name}", modeline + text)
    yield add_lines(root, ".gitignore", GIT_IGNORE)
    attributes = lfs_lines(settings.outputs) if options.lfs else ()
    yield add_lines(root, ".gitattributes", (*GIT_ATTRIBUTES, *attributes))
    for name in NAMES if options.schemas else ():
        yield _schema(root, f"schemas/{name}.schema.json", schema_text(name))
    if options.pre_commit:
        yield _written(root, ".pre-commit-config.yaml", PRE_COMMIT)
    if options.ci:
        yield _written(root, *CI_FILES[options.ci])


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


def add_lines(root: Path, name: str, lines: tuple[str, ...]) -> InitOutcome:
    """Append the lines that a file lacks."""
    path = root / name
    if path.is_symlink():  # git does not read it either
        return Kept(name, f"it is a symbolic link; add these lines to its target: {', '.join(lines)}")
    old = disk.plain_bytes(path, most=_MOST, hint="add the lines yourself") if path.exists() else b""
    new = with_lines(old, lines)
    if new == old:
        return Kept(name, "it has the lines")
    disk.write_atomic(path, new)
    return AddedLines(name) if old else Wrote(name)


def _schema(root: Path, name: str, text: str) -> InitOutcome:
    """The schema of this version, in place of one of another version."""
    path = root / name
    if path.is_symlink() or not _is_schema(path):
        return _written(root, name, text)
    if disk.plain_bytes(path, most=_MOST) == text.encode():
        return Kept(name, "it is of this version")
    disk.write_atomic(path, text.encode())
    return Wrote(name)


def _is_schema(path: Path) -> bool:
    """Whether a file is one of our schemas, of any version."""
    return path.is_file() and b"json-schema.org" in disk.plain_bytes(path, most=_MOST)


def _settings(root: Path) -> Settings:
    """The settings of an existing project file; `validate` reports its errors."""
    with suppress(InvalidInput):
        return read_project(root, index_without_memory(root), REGISTRY).settings
    return Settings()
