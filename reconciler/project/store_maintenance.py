"""Maintain the store: list its objects, verify them, collect garbage."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from reconciler.core.digest import AssetId, ContentHash, RecipeKey
from reconciler.core.errors import DiskError
from reconciler.core.images.sniff import ImageFacts, sniff
from reconciler.core.lock.lockfile import Lock
from reconciler.core.ports import Objects
from reconciler.core.retention import (
    REMOVABLE,
    Damage,
    Garbage,
    Leftover,
    Retention,
    StoredObject,
    in_flight,
    inventory,
    retention_of,
)
from reconciler.project.workspace import Workspace
from reconciler.store import disk


def stored_objects(workspace: Workspace) -> tuple[StoredObject, ...]:
    """Every object of the store, with its records."""
    sizes = {content: workspace.store.size(content) for content in workspace.store.contents()}
    return inventory(sizes, workspace.store.remembered(), workspace.locked())


def recipe_users(workspace: Workspace) -> dict[RecipeKey, AssetId]:
    """The recipes of locked images, each with the first of its assets."""
    return {entry.key: asset for asset, entry in sorted(workspace.locked().entries.items(), reverse=True)}


def damages(workspace: Workspace, held: Sequence[StoredObject]) -> tuple[Damage, ...]:
    """Every damaged object, and the place of another copy."""
    damaged = list(workspace.store.verify())
    if not damaged:
        return ()
    entries = workspace.locked().entries
    users = {one.content: one.assets for one in held}
    sources = workspace.sources(frozenset(entry.output for entry in entries.values()))

    def source(content: ContentHash) -> str:
        paths = [entries[asset].output for asset in users.get(content, ())]
        outputs = (path for path in paths if disk.holds(workspace.root / path, content))
        return next(outputs, "") or next(filter(None, (sources.get((content, path), "") for path in paths)), "")

    return tuple(Damage(one.content, one.path, one.found, source(one.content)) for one in damaged)


def find_garbage(workspace: Workspace, give_up: frozenset[Retention]) -> Garbage:
    """The objects that may be deleted. Runs git only if the answer depends on it."""
    lock, held = workspace.locked(), stored_objects(workspace)
    flying = in_flight(workspace.events())
    judged = [(one, retention_of(one, in_flight=flying, committed=(), give_up=())) for one in held]
    if any(why in (Retention.PAID, Retention.UNKNOWN) for _, why in judged):
        paths = frozenset(entry.output for entry in lock.entries.values())
        committed = workspace.sources(paths).permanent()
        judged = [(one, retention_of(one, in_flight=flying, committed=committed, give_up=give_up)) for one in held]
    spooled = workspace.store.leftovers()
    doubt = bool(workspace.in_doubt() or workspace.waiting())
    answers = () if give_up else tuple(path for path in spooled if doubt or not _is_worthless(path, workspace.store))
    temps = [path for folder in _folders(workspace, lock) for path in disk.temps(folder)]
    return Garbage(
        tuple((one, why) for one, why in judged if why in REMOVABLE),
        tuple((one, why) for one, why in judged if why not in REMOVABLE),
        tuple(Leftover(path, _size(path)) for path in (*spooled, *temps) if path not in answers),
        tuple(Leftover(path, _size(path), _is_image(path)) for path in answers),
        recipe_users(workspace),
    )


def delete_garbage(workspace: Workspace, garbage: Garbage) -> int:
    """Delete the garbage; the number of bytes freed."""
    sizes = {held.content: held.size for held, _ in garbage.going}
    freed = sum(sizes[content] for content in workspace.store.drop(tuple(sizes)))
    return freed + sum(each.size for each in garbage.leftovers if disk.remove(each.path))


def _folders(workspace: Workspace, lock: Lock) -> list[Path]:
    outputs = {(workspace.root / entry.output).parent for entry in lock.entries.values()}
    return sorted({workspace.root, workspace.state, *outputs, *workspace.store.folders()})


def _is_worthless(path: Path, store: Objects) -> bool:
    """Whether a spool file is empty or the store has its bytes. An unreadable file is not worthless."""
    try:
        return not path.lstat().st_size or store.sound(disk.file_hash(path)) is not None
    except OSError:
        return False


def _is_image(path: Path) -> bool:
    try:
        return isinstance(sniff(disk.plain_bytes(path)), ImageFacts)
    except (OSError, DiskError):
        return True  # an unreadable file may be an image


def _size(path: Path) -> int:
    try:
        return path.lstat().st_size
    except OSError:
        return 0
