"""Collect where the images of a project come from, and open their files where that is asked for."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from reconciler.core.derived.wanted import Derivation
from reconciler.core.digest import ContentHash
from reconciler.core.errors import DiskError, ProjectError
from reconciler.core.events import settle
from reconciler.core.lock.lockfile import Lock
from reconciler.core.plan.selection import Selectable, selectable_spec
from reconciler.core.provenance.record import (
    FileOrigin,
    FileState,
    OriginSources,
    ProvenanceFacts,
    SeenFile,
    file_origins,
)
from reconciler.imaging.credential_reader import CredentialReader
from reconciler.project.asset_ids import select_assets
from reconciler.project.load import LoadedSpecs, load_specs
from reconciler.project.reviewed import find_reviews
from reconciler.project.workspace import Workspace
from reconciler.store import disk
from reconciler.store.worktree.file_marks import marks_of_file
from reconciler.store.worktree.lfs_pointer import LFS_POINTER_LIMIT, lfs_oid

_MOST_ANCHORS = 4 << 20


def project_origins(workspace: Workspace) -> OriginSources:
    """What the lockfiles, the specs and the reviews say. No image is opened."""
    loaded = load_specs(workspace)
    lock = settle(workspace.recorded, workspace.journal.read()).lock
    return origin_sources(workspace, loaded, lock)


def origin_sources(workspace: Workspace, loaded: LoadedSpecs, lock: Lock) -> OriginSources:
    """The same for specs and a lockfile that are read already."""
    settings = loaded.project.settings
    derived = workspace.derived_records().committed()
    reviews = find_reviews(workspace.root, workspace.index, settings.review)
    contents = {entry.content for entry in lock.entries.values()}
    contents.update(line.content for block in derived.sets.values() for line in block.values())
    return OriginSources(
        lock,
        derived,
        loaded.specs,
        loaded.derivation or Derivation(),
        settings.provenance,
        reviews.standings(contents) if reviews is not None else {},
    )


def chosen_origins(sources: OriginSources, patterns: Sequence[str]) -> tuple[FileOrigin, ...]:
    """The records of the selected assets and derived files; all of them without a pattern."""
    every = file_origins(sources)
    if not patterns:
        return every
    paths = {one.path for one in every if one.derived}
    names = [each for each in patterns if each.removeprefix("./") not in paths]
    exact = {each.removeprefix("./") for each in patterns} & paths
    known = [selectable_spec(spec) for spec in sources.specs.values()]
    known += [
        Selectable(asset, entry.output) for asset, entry in sources.lock.entries.items() if asset not in sources.specs
    ]
    assets = frozenset(select_assets(names, known).assets) if names else frozenset()
    return tuple(one for one in every if one.path in exact or not assets.isdisjoint(one.assets))


def verified_origins(workspace: Workspace, files: Sequence[FileOrigin], anchors: Path | None) -> ProvenanceFacts:
    """The records with what the bytes of their files say. `anchors` are certificates of authorities, in PEM."""
    reader = CredentialReader(_anchors(anchors) if anchors is not None else "")
    try:
        return ProvenanceFacts(tuple(files), {one.path: _seen(workspace.root, one, reader) for one in files})
    finally:
        reader.close()


def _anchors(path: Path) -> str:
    try:
        text = disk.plain_bytes(path, most=_MOST_ANCHORS).decode("ascii")
    except FileNotFoundError:
        raise ProjectError(f"there is no file {path}") from None
    except UnicodeDecodeError:
        text = ""
    if "-----BEGIN CERTIFICATE-----" not in text:
        raise ProjectError(
            f"{path} has no certificates in PEM", hint="give a file that begins -----BEGIN CERTIFICATE-----"
        )
    return text


def _seen(root: Path, one: FileOrigin, reader: CredentialReader) -> SeenFile:
    path = root / one.path
    try:
        marks = marks_of_file(root, path)
        found = _content(path)
        if found is None:
            return SeenFile(FileState.POINTER)
        credentials = reader.report(path, marks.format) if marks.credentials else None
    except (FileNotFoundError, NotADirectoryError):
        return SeenFile(FileState.MISSING)
    except (DiskError, OSError):
        return SeenFile(FileState.UNREADABLE)
    return SeenFile(FileState.SAME if found == one.content else FileState.CHANGED, marks, credentials)


def _content(path: Path) -> ContentHash | None:
    """The content of a file; None for a Git LFS pointer."""
    if path.stat().st_size <= LFS_POINTER_LIMIT and lfs_oid(disk.plain_bytes(path, most=LFS_POINTER_LIMIT)) is not None:
        return None
    return disk.plain_hash(path)
