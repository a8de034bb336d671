"""`reconciler init`: set a project up, overwriting nothing."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

import click

from reconciler.cli.init_files import EXAMPLE, GIT_ATTRIBUTES, GIT_IGNORE, PROJECT, with_lines
from reconciler.core.errors import Exit, InvalidInput, ProjectError
from reconciler.core.specs.settings import Settings
from reconciler.core.text import printable
from reconciler.providers.registry import REGISTRY
from reconciler.store import disk
from reconciler.store.documents.project import PROJECT_FILE, read_project
from reconciler.store.documents.specs import find
from reconciler.store.index.index import index_without_memory


@click.command(epilog="Example:  reconciler init && reconciler apply && reconciler check")
@click.pass_obj
def command(directory: str | None) -> int:
    """Write reconciler.yaml, an example spec and the lines for git into this folder. What is there is left as it is."""
    root = Path(os.path.abspath(directory or "."))
    if not root.is_dir():
        raise ProjectError(f"there is no folder {printable(str(root))}", hint="create it first")
    _about_above(root)
    _write(root, PROJECT_FILE, PROJECT)
    specs = _specs_folder(root)
    if not find(root, specs, index_without_memory(root)):
        _write(root, f"{specs}/example.yaml", EXAMPLE)
    else:
        click.echo(f"left    {printable(specs)}/: it has specs")
    _append(root, ".gitignore", GIT_IGNORE)
    _append(root, ".gitattributes", GIT_ATTRIBUTES)
    if not _in_git(root):
        click.echo("This folder is in no git repository: it works all the same, but commit the images and assets.lock")
        click.echo("with the specs once it is in one (`git init`).")
    click.echo("Next: `reconciler apply` makes the images; `reconciler plan` only shows what it would do.")
    return Exit.DONE


def _write(root: Path, name: str, text: str) -> None:
    path = root / name
    if os.path.lexists(path):
        click.echo(f"left    {printable(name)}: it is there already")
        return
    disk.make_dirs(path.parent)
    disk.write_atomic(path, text.encode())
    click.echo(f"wrote   {printable(name)}")


def _append(root: Path, name: str, lines: tuple[str, ...]) -> None:
    path = root / name
    if path.is_symlink():  # git does not read it either
        click.echo(f"left    {name}: it is a link; its file should have: {', '.join(lines)}")
        return
    with disk.naming_errors("read", path):
        old = path.read_bytes() if path.exists() else b""
    new = with_lines(old, lines)
    if new == old:
        click.echo(f"left    {name}: it has the lines already")
        return
    disk.write_atomic(path, new)
    click.echo(f"{'added lines to' if old else 'wrote  '} {name}")


def _specs_folder(root: Path) -> str:
    """Where the project that is there has its specs; a file that is wrong is `validate`'s to speak about."""
    with suppress(InvalidInput):
        return read_project(root, index_without_memory(root), REGISTRY).settings.specs
    return Settings().specs


def _about_above(root: Path) -> None:
    above = next((folder for folder in root.parents if (folder / PROJECT_FILE).is_file()), None)
    if above is not None and not (root / PROJECT_FILE).exists():
        click.echo(f"note: {printable(str(above))} is a project too; this one stands apart from it", err=True)


def _in_git(root: Path) -> bool:
    return any(os.path.lexists(folder / ".git") for folder in (root, *root.parents))
