"""Merge the lockfiles of several checkouts that began at the same one, such as those of the shards of an apply."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from reconciler.core.digest import AssetId
from reconciler.core.errors import LockfileError, ProjectError
from reconciler.core.lock.lockfile import Lock, dumps, merge
from reconciler.core.specs.settings import MAX_ASSETS
from reconciler.core.text import printable
from reconciler.core.value import value
from reconciler.project.workspace import Workspace
from reconciler.store import disk
from reconciler.store.documents.lock_parts import all_parts, is_header
from reconciler.store.documents.project import LOCK_BYTES, LOCK_FILE, content_on_disk, parse_lock


@value
class MergedLocks:
    """The merged lockfile has so many assets; `changed` are those whose entry or answer it has changed."""

    assets: int
    changed: tuple[AssetId, ...]


def merge_lock_files(workspace: Workspace, files: Sequence[Path], out: Path | None, *, wait: float) -> MergedLocks:
    """Merge lockfiles into that of the project, or into the file `out`.

    The lockfile of the project is the one at which all of them began: an entry that equals it was not changed. Where
    two files changed one asset, the one wins whose image is at the output; LockfileError if neither is, and nothing is
    written.
    """
    with workspace.exclusive(wait):
        workspace.lock_file.catch_up()
        base = merged = workspace.recorded
        for file in files:
            merged = _merged(workspace, base, merged, file)
        if out is None:
            workspace.lock_file.replace_with(merged)
        else:
            disk.write_atomic(out, dumps(merged).encode())
    names = {*base.entries, *base.answers, *merged.entries, *merged.answers}
    changed = (
        name
        for name in sorted(names)
        if (base.entries.get(name), base.answers.get(name)) != (merged.entries.get(name), merged.answers.get(name))
    )
    return MergedLocks(len(merged.entries), tuple(changed))


def _merged(workspace: Workspace, base: Lock, so_far: Lock, file: Path) -> Lock:
    there = _read(workspace, file)
    try:
        return merge(
            so_far,
            there,
            base=base,
            content_of=lambda output: content_on_disk(workspace.root, output),
            file=printable(str(file)),
        )
    except LockfileError as error:
        hint = "put the image that you want at its output, then run again: its side wins"
        raise LockfileError(error.fact, hint=hint) from error


def _read(workspace: Workspace, file: Path) -> Lock:
    """A lockfile, with its parts if it has any. The file may come from another machine."""
    most, name = LOCK_BYTES * max(workspace.most_assets, MAX_ASSETS), printable(str(file))
    try:
        data = disk.plain_bytes(file, most=most, hint=f"it is no {LOCK_FILE}")
    except FileNotFoundError:
        raise ProjectError(f"there is no file {name}") from None
    if is_header(data) and file.name == LOCK_FILE:
        return parse_lock(file.parent, all_parts(file.parent, most=most))
    return parse_lock(workspace.root, data, file=name)
