"""Look after the store: what it holds and for whom, what is damaged, what is waste."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from reconciler.core.digest import AssetId, ContentHash, RecipeKey
from reconciler.core.images.sniff import ImageFacts, sniff
from reconciler.core.lock.lockfile import Lock
from reconciler.core.ports import Objects, StoreMaintenance
from reconciler.core.retention import REMOVABLE, Retention, StoredObject, in_flight, inventory, retention_of
from reconciler.core.text import printable
from reconciler.core.value import value
from reconciler.project.workspace import Workspace
from reconciler.report.plan_text import counted
from reconciler.report.store import object_line, size_text
from reconciler.store import disk


def stored_objects(workspace: Workspace) -> tuple[StoredObject, ...]:
    """Everything that the store holds."""
    sizes = {content: workspace.store.size(content) for content in workspace.store.contents()}
    return inventory(sizes, workspace.store.remembered(), workspace.locked())


def recipe_users(workspace: Workspace) -> dict[RecipeKey, AssetId]:
    """The recipes that locked images were made from, each with the first of its assets."""
    return {entry.key: asset for asset, entry in sorted(workspace.locked().entries.items(), reverse=True)}


@value
class Damage:
    """An object that is not what its name says. `found` None: it cannot be read. `source` has the bytes, or is ""."""

    content: ContentHash
    path: Path
    found: ContentHash | None
    source: str

    def json(self) -> dict[str, Any]:
        """For programs."""
        return {
            "path": str(self.path),
            "expected": self.content,
            "found": self.found,
            "elsewhere": self.source or None,
        }


def damages(workspace: Workspace, held: Sequence[StoredObject]) -> tuple[Damage, ...]:
    """Every damaged object, and where else its bytes are."""
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


@value
class Garbage:
    """What may go and what stays, each with its reason; spool files and temp files of dead runs."""

    going: tuple[tuple[StoredObject, Retention], ...]
    staying: tuple[tuple[StoredObject, Retention], ...]
    leftovers: tuple[Path, ...]
    answers: tuple[Path, ...]
    users: Mapping[RecipeKey, AssetId]

    @property
    def anything(self) -> bool:
        """Whether there is something to delete."""
        return bool(self.going or self.leftovers)

    def lines(self) -> Iterator[str]:
        """What is deleted or would be, and why the rest is not."""
        for held, why in self.going:
            yield f"{object_line(held, self.users)}: {why.value}"
        if self.leftovers:
            yield f"{counted(len(self.leftovers), 'temporary file')} of runs that died"
        for path in self.answers:
            what = "a whole image" if _is_image(path) else "perhaps the answer"
            yield f"{printable(str(path))} stays: {what} that a run which died had paid for"
        if self.answers:
            yield "  once you have what you need of them, `reconciler store gc --forget-paid` lets them go"
        size = sum(held.size for held, _ in self.going) + sum(map(_size, self.leftovers))
        reasons = [why for _, why in self.staying]
        kept = ", ".join(f"{reasons.count(why)} {why.value}" for why in Retention if why in reasons)
        stay = f"{len(reasons)} {'stays' if len(reasons) == 1 else 'stay'}" + (kept and f": {kept}")
        yield f"to go: {counted(len(self.going), 'object')} ({size_text(size)}); {stay}"

    def delete(self, store: StoreMaintenance) -> int:
        """How many bytes were freed."""
        sizes = {held.content: held.size for held, _ in self.going}
        freed = sum(sizes[content] for content in store.drop(tuple(sizes)))
        return freed + sum(size for size, gone in [(_size(path), disk.remove(path)) for path in self.leftovers] if gone)


def find_garbage(workspace: Workspace, give_up: frozenset[Retention]) -> Garbage:
    """What may go. Git is asked only where nothing else decides."""
    lock, held = workspace.locked(), stored_objects(workspace)
    flying = in_flight(workspace.events())
    judged = [(one, retention_of(one, in_flight=flying, committed=(), give_up=())) for one in held]
    if any(why in (Retention.PAID, Retention.UNKNOWN) for _, why in judged):
        paths = frozenset(entry.output for entry in lock.entries.values())
        committed = workspace.sources(paths).permanent()
        judged = [(one, retention_of(one, in_flight=flying, committed=committed, give_up=give_up)) for one in held]
    spooled = workspace.store.leftovers()
    doubt = bool(workspace.in_doubt())
    answers = () if give_up else tuple(path for path in spooled if doubt or not _is_worthless(path, workspace.store))
    temps = [path for folder in _folders(workspace, lock) for path in disk.temps(folder)]
    return Garbage(
        tuple((one, why) for one, why in judged if why in REMOVABLE),
        tuple((one, why) for one, why in judged if why not in REMOVABLE),
        tuple(path for path in (*spooled, *temps) if path not in answers),
        answers,
        recipe_users(workspace),
    )


def _folders(workspace: Workspace, lock: Lock) -> list[Path]:
    outputs = {(workspace.root / entry.output).parent for entry in lock.entries.values()}
    return sorted({workspace.root, workspace.state, *outputs, *workspace.store.folders()})


def _is_worthless(path: Path, store: Objects) -> bool:
    """Whether nothing is in a spool file that the store has not. What cannot be told is not worthless."""
    try:
        return not path.lstat().st_size or store.sound(disk.file_hash(path)) is not None
    except OSError:
        return False


def _is_image(path: Path) -> bool:
    try:
        return isinstance(sniff(path.read_bytes()), ImageFacts)
    except OSError:
        return True  # who knows


def _size(path: Path) -> int:
    try:
        return path.lstat().st_size
    except OSError:
        return 0
