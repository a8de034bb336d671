"""Look after the store: what it holds and for whom, what is damaged, what is waste."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reconciler.cli.wiring import Workspace
from reconciler.core.digest import AssetId, ContentHash
from reconciler.core.images import ImageFacts, sniff
from reconciler.core.lock import Lock
from reconciler.core.pricing import parse_cost, total
from reconciler.core.text import printable
from reconciler.core.upkeep import MAY_GO, Held, Why, in_flight, inventory, verdict
from reconciler.store import disk
from reconciler.store.store import ContentStore

_SHORT = len("sha256:") + 12
_NAMES = 3


def holdings(workspace: Workspace) -> tuple[Held, ...]:
    """Everything that the store holds."""
    sizes = {content: workspace.store.size(content) for content in workspace.store.contents()}
    return inventory(sizes, workspace.store.remembered(), workspace.locked())


@dataclass(frozen=True, slots=True)
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


def damages(workspace: Workspace, held: Sequence[Held]) -> tuple[Damage, ...]:
    """Every damaged object, and where else its bytes are."""
    damaged = list(workspace.store.verify())
    if not damaged:
        return ()
    entries = workspace.locked().entries
    users = {one.content: one.assets for one in held}
    recovery = workspace.outputs(frozenset(entry.output for entry in entries.values())).recovery

    def source(content: ContentHash) -> str:
        paths = [entries[asset].output for asset in users.get(content, ())]
        outputs = (path for path in paths if _holds(workspace.root / path, content))
        return next(outputs, "") or next(filter(None, (recovery.elsewhere(content, path) for path in paths)), "")

    return tuple(Damage(one.content, one.path, one.found, source(one.content)) for one in damaged)


def _holds(path: Path, content: ContentHash) -> bool:
    try:
        return disk.file_hash(path) == content
    except OSError:
        return False


@dataclass(frozen=True, slots=True)
class Waste:
    """What may go and what stays, each with its reason; spool files and temp files of dead runs."""

    going: tuple[tuple[Held, Why], ...]
    staying: tuple[tuple[Held, Why], ...]
    leftovers: tuple[Path, ...]
    whole: tuple[Path, ...]

    @property
    def anything(self) -> bool:
        """Whether there is something to delete."""
        return bool(self.going or self.leftovers)

    def lines(self) -> Iterator[str]:
        """What is deleted or would be, and why the rest is not."""
        for held, why in self.going:
            yield f"{held_line(held)}: {why.value}"
        if self.leftovers:
            yield f"{len(self.leftovers)} temporary files of runs that died"
        for path in self.whole:
            yield f"{printable(str(path))} stays: a whole image that a run which died had been answered with"
        size = sum(held.size for held, _ in self.going) + sum(map(_size, self.leftovers))
        reasons = [why for _, why in self.staying]
        kept = ", ".join(f"{reasons.count(why)} {why.value}" for why in Why if why in reasons)
        yield f"to go: {len(self.going)} objects ({size_words(size)}); {len(reasons)} stay" + (kept and f": {kept}")

    def delete(self, store: ContentStore) -> int:
        """How many bytes were freed."""
        sizes = {held.content: held.size for held, _ in self.going}
        freed = sum(sizes[content] for content in store.drop(tuple(sizes)))
        return freed + sum(size for size, gone in [(_size(path), disk.remove(path)) for path in self.leftovers] if gone)


def sweep(workspace: Workspace, give_up: frozenset[Why]) -> Waste:
    """What may go. Git is asked only where nothing else decides."""
    lock, held = workspace.locked(), holdings(workspace)
    flying = in_flight(workspace.journal.read())
    judged = [(one, verdict(one, in_flight=flying, committed=(), give_up=())) for one in held]
    if any(why in (Why.PAID, Why.UNKNOWN) for _, why in judged):
        paths = frozenset(entry.output for entry in lock.entries.values())
        committed = workspace.outputs(paths).recovery.committed()
        judged = [(one, verdict(one, in_flight=flying, committed=committed, give_up=give_up)) for one in held]
    spooled = workspace.store.leftovers()
    whole = () if give_up else tuple(path for path in spooled if _is_image(path))
    temps = [path for folder in _folders(workspace, lock) for path in disk.temps(folder)]
    return Waste(
        tuple((one, why) for one, why in judged if why in MAY_GO),
        tuple((one, why) for one, why in judged if why not in MAY_GO),
        tuple(path for path in (*spooled, *temps) if path not in whole),
        whole,
    )


def _folders(workspace: Workspace, lock: Lock) -> list[Path]:
    outputs = {(workspace.root / entry.output).parent for entry in lock.entries.values()}
    return sorted({workspace.root, workspace.state, *outputs, *workspace.store.folders()})


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


def held_line(one: Held) -> str:
    """`sha256:9f2c…  1.5 MB  0.134 USD  2026-11-22T16:00:00Z  gemini-3-pro-image  hero`."""
    made = one.made[0] if one.made else None
    facts = (made.cost or "price unknown", made.at, made.model or made.provider) if made else ("of unknown origin",)
    return "  ".join((one.content[:_SHORT], f"{size_words(one.size):>8}", *map(printable, facts), _users(one)))


def _users(one: Held) -> str:
    if one.assets:
        return _listed(one.assets)
    return "unused" if one.recipes else "no recipe"


def _listed(assets: Sequence[AssetId]) -> str:
    rest = f" and {len(assets) - _NAMES} more" if len(assets) > _NAMES else ""
    return ", ".join(map(printable, assets[:_NAMES])) + rest


def held_json(one: Held) -> dict[str, Any]:
    """One object for programs."""
    made = one.made[0] if one.made else None
    return {
        "content": one.content,
        "bytes": one.size,
        "assets": list(one.assets),
        "recipes": list(dict.fromkeys(one.recipes)),
        "made": None
        if made is None
        else {"at": made.at, "cost": made.cost or None, "model": made.model, "provider": made.provider},
    }


def count_words(held: Sequence[Held]) -> str:
    """How many objects, how large, and what they have cost."""
    cost = total(parse_cost(one.made[0].cost) for one in held if one.made)
    noun = f"{len(held)} object{'' if len(held) == 1 else 's'}"
    return f"{noun}, {size_words(sum(one.size for one in held))}, made for {cost}"


def size_words(size: int) -> str:
    """Bytes as people read them."""
    for unit, scale in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if size >= scale:
            return f"{size / scale:.1f} {unit}"
    return f"{size} B"
