"""The stamp and the depfile of a project, for make and ninja."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from reconciler.core.depfile import depfile_text
from reconciler.core.lock.lockfile import Lock
from reconciler.project.load import LoadedSpecs
from reconciler.project.workspace import Workspace
from reconciler.store import disk
from reconciler.store.documents.lock_parts import part_files
from reconciler.store.documents.project import DERIVED_LOCK, LOCK_FILE, PROJECT_FILE


def write_build_files(workspace: Workspace, loaded: LoadedSpecs, *, stamp: Path, depfile: Path | None) -> None:
    """Write the stamp if an image is another one than when it was written, and the depfile if it differs.

    The time of the stamp moves only with the images, so that whatever depends on it is not built again without need.
    """
    _write_changed(stamp, _stamp(workspace, loaded, workspace.locked()).encode())
    if depfile is not None:
        here = os.path.abspath(os.curdir)
        inputs = (os.path.relpath(workspace.root / path, here) for path in _inputs(workspace, loaded))
        _write_changed(depfile, os.fsencode(depfile_text(str(stamp), inputs)))


def _stamp(workspace: Workspace, loaded: LoadedSpecs, lock: Lock) -> str:
    """A digest of the images and derived files of the project."""
    digest = hashlib.sha256()
    for asset in sorted(loaded.specs):
        entry = lock.entries.get(asset)
        if entry is not None:
            digest.update(f"{entry.output}\0{entry.content}\n".encode("utf-8", "surrogatepass"))
    with suppress(FileNotFoundError):
        digest.update(disk.plain_bytes(workspace.root / DERIVED_LOCK))
    return f"reconciler stamp {digest.hexdigest()}\n"


def _inputs(workspace: Workspace, loaded: LoadedSpecs) -> Iterator[str]:
    """The files and folders that a plan depends on, below the project. A folder changes with the names in it."""
    yield PROJECT_FILE
    if (workspace.root / LOCK_FILE).exists():
        yield LOCK_FILE
        yield from part_files(workspace.root)
    for folder, below, names in os.walk(workspace.root / loaded.project.settings.specs):
        below[:] = sorted(name for name in below if not name.startswith("."))
        at = os.path.relpath(folder, workspace.root)
        yield at
        yield from (f"{at}/{name}" for name in sorted(names) if name.endswith((".yaml", ".yml")))
    yield from sorted(loaded.places)


def _write_changed(path: Path, data: bytes) -> None:
    with suppress(FileNotFoundError):
        if path.stat().st_size == len(data) and disk.plain_bytes(path) == data:
            return
    disk.write_cache(path, data)
