"""Decide which objects of the store may be deleted. Pure: never the only copy of a paid or a hand-made image."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from enum import Enum
from pathlib import Path

from reconciler.core.digest import AssetId, ContentHash, RecipeKey
from reconciler.core.events import Durable, Ended, Published, Stored
from reconciler.core.lock.lockfile import Lock, LockEntry, Made
from reconciler.core.money.cost import parse_cost
from reconciler.core.ports import StoredImage
from reconciler.core.value import value


@value
class StoredObject:
    """One object of the store: its origins, its present users, and the recipes for which it is recorded."""

    content: ContentHash
    size: int
    made: tuple[Made, ...] = ()
    assets: tuple[AssetId, ...] = ()
    recipes: tuple[RecipeKey, ...] = ()


class Retention(Enum):
    """Why an object is kept or may be deleted."""

    LOCKED = "locked now"
    IN_FLIGHT = "named in the journal"
    PAID = "paid for and not committed"
    UNKNOWN = "possibly hand-made and not committed"
    COMMITTED = "also in git"
    DRAFT = "a draft"
    FORGOTTEN = "given up by --forget-paid"


REMOVABLE = frozenset({Retention.COMMITTED, Retention.DRAFT, Retention.FORGOTTEN})


@value
class Damage:
    """An object whose bytes do not have the hash in its name. `found` None: unreadable. `source`: a copy, or ""."""

    content: ContentHash
    path: Path
    found: ContentHash | None
    source: str


@value
class Leftover:
    """A file that a crashed run left in the store. `holds_image`: it is a complete image, perhaps of a paid
    response."""

    path: Path
    size: int
    holds_image: bool = False


@value
class Garbage:
    """The objects to delete and the objects to keep, each with its reason.

    `leftovers` may be deleted; `answers` are kept, because they may have been paid for. `users` are the assets of
    locked recipes.
    """

    going: tuple[tuple[StoredObject, Retention], ...]
    staying: tuple[tuple[StoredObject, Retention], ...]
    leftovers: tuple[Leftover, ...]
    answers: tuple[Leftover, ...]
    users: Mapping[RecipeKey, AssetId]

    @property
    def size(self) -> int:
        """The number of bytes to delete."""
        return sum(held.size for held, _ in self.going) + sum(each.size for each in self.leftovers)


def inventory(
    sizes: Mapping[ContentHash, int], remembered: Iterable[tuple[RecipeKey, StoredImage]], lock: Lock
) -> tuple[StoredObject, ...]:
    """Every object with its records from the recipes and the lockfile, in order."""
    made: dict[ContentHash, list[Made]] = {}
    recipes: dict[ContentHash, list[RecipeKey]] = {}
    for key, image in remembered:
        made.setdefault(image.content, []).append(image.made)
        recipes.setdefault(image.content, []).append(key)
    users: dict[ContentHash, list[tuple[AssetId, LockEntry]]] = {}
    for asset, entry in sorted(lock.entries.items()):
        users.setdefault(entry.content, []).append((asset, entry))
    return tuple(
        StoredObject(
            content,
            size,
            (*(entry.made for _, entry in users.get(content, ())), *made.get(content, ())),
            tuple(asset for asset, _ in users.get(content, ())),
            tuple(recipes.get(content, ())),
        )
        for content, size in sizes.items()
    )


def in_flight(events: Iterable[Durable]) -> frozenset[ContentHash]:
    """The contents that an open journal names: recovery after a crash needs them."""
    named = set()
    for event in events:
        match event:
            case Stored(content=content) | Published(entry=LockEntry(content=content)):
                named.add(content)
            case Ended(kept=str(kept)):
                named.add(ContentHash(kept))
    return frozenset(named)


def retention_of(
    held: StoredObject,
    *,
    in_flight: Container[ContentHash],
    committed: Container[ContentHash],
    give_up: Container[Retention],
) -> Retention:
    """Why this object is kept or may be deleted; read it top to bottom. `give_up`: reasons that the user waived."""
    if held.assets:
        return Retention.LOCKED
    if held.content in in_flight:
        return Retention.IN_FLIGHT
    if held.made and all(made.placeholder for made in held.made):
        return Retention.DRAFT
    if held.content in committed:
        return Retention.COMMITTED
    why = Retention.PAID if any(parse_cost(made.cost) or made.request for made in held.made) else Retention.UNKNOWN
    return Retention.FORGOTTEN if why in give_up else why
