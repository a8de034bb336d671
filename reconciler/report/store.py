"""The content of the store, for people and for programs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from reconciler.core.digest import AssetId, RecipeKey
from reconciler.core.money.cost import parse_cost, total
from reconciler.core.retention import Damage, Garbage, Retention, StoredObject
from reconciler.core.text import printable, relative_path
from reconciler.core.value import value
from reconciler.report.formats import Printed, counted, document

_SHORT = len("sha256:") + 12


_NAMES = 3


def object_line(one: StoredObject, users: Mapping[RecipeKey, AssetId]) -> str:
    """`sha256:9f2c…  1.5 MB  0.134 USD  2026-11-22T16:00:00Z  gemini-3-pro-image  hero`."""
    made = one.made[0] if one.made else None
    facts = (made.cost or "price unknown", made.at, made.model or made.provider) if made else ("of unknown origin",)
    return "  ".join((one.content[:_SHORT], f"{size_text(one.size):>8}", *map(printable, facts), _users(one, users)))


def _users(one: StoredObject, users: Mapping[RecipeKey, AssetId]) -> str:
    if one.assets:
        return _listed(one.assets)
    of = [users[key] for key in one.recipes if key in users]
    if of and not one.made[0].placeholder:
        return f"candidate of {_listed(of)}"
    return "unused" if one.recipes else "no recipe"


def _listed(assets: Sequence[AssetId]) -> str:
    rest = f" and {len(assets) - _NAMES} more" if len(assets) > _NAMES else ""
    return ", ".join(map(printable, assets[:_NAMES])) + rest


def object_json(one: StoredObject) -> dict[str, Any]:
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


@value
class StoreFacts:
    """The objects of the store, and the assets of locked recipes."""

    objects: tuple[StoredObject, ...]
    users: Mapping[RecipeKey, AssetId]


def objects_text(facts: StoreFacts) -> Printed:
    """A line for each object, then the totals."""
    return Printed((*(object_line(one, facts.users) for one in facts.objects), count_text(facts.objects)))


def objects_json(facts: StoreFacts) -> Printed:
    """The objects for programs."""
    return document({"objects": [object_json(one) for one in facts.objects]})


@value
class VerifyFacts:
    """The result of verifying `objects` objects. Paths are relative to `root`.

    `wrong_keys` names the recipes of the lockfile that were edited.
    """

    root: Path
    objects: int
    damaged: tuple[Damage, ...]
    wrong_keys: str


def damages_text(facts: VerifyFacts) -> Printed:
    """The damaged objects and a total; wrong recipes on stderr."""
    if facts.damaged:
        total_line = f"{len(facts.damaged)} of {facts.objects} objects are damaged"
    else:
        total_line = f"{counted(facts.objects, 'object')} whole"
    lines = (line for damage in facts.damaged for line in damage_lines(damage, root=facts.root))
    return Printed((*lines, total_line), (facts.wrong_keys,) if facts.wrong_keys else ())


def damages_json(facts: VerifyFacts) -> Printed:
    """The same for programs."""
    damaged = [damage_json(damage) for damage in facts.damaged]
    return document({"objects": facts.objects, "damaged": damaged, "lockfile": facts.wrong_keys or None})


def damage_json(damage: Damage) -> dict[str, Any]:
    """One damaged object for programs."""
    return {
        "path": str(damage.path),
        "expected": damage.content,
        "found": damage.found,
        "elsewhere": damage.source or None,
    }


def damage_lines(damage: Damage, *, root: Path) -> Iterator[str]:
    """One damaged object for people, with a hint."""
    yield f"{printable(relative_path(damage.path, root))} is damaged"
    yield f"  expected {damage.content}"
    yield f"  found    {damage.found or 'cannot be read'}"
    if damage.source:
        hint = f"{printable(damage.source)} has the bytes: delete the damaged file to have it restored"
    else:
        hint = "no other copy was found: look in backups and ask colleagues before you delete the file"
    yield f"  hint: {hint}"


def garbage_lines(garbage: Garbage, *, root: Path) -> Iterator[str]:
    """Each object to delete, then the totals with the reasons of those that are kept. Paths are relative to `root`."""
    for held, why in garbage.going:
        yield f"{object_line(held, garbage.users)}: {why.value}"
    if garbage.leftovers:
        yield f"{counted(len(garbage.leftovers), 'temporary file')} of crashed runs"
    for answer in garbage.answers:
        content = "a complete image" if answer.holds_image else "perhaps a response"
        yield f"{printable(relative_path(answer.path, root))} is kept: {content} that a crashed run may have paid for"
    if garbage.answers:
        yield "  hint: copy the files that you need; `reconciler store gc --forget-paid` deletes them"
    reasons = [why for _, why in garbage.staying]
    kept = ", ".join(f"{reasons.count(why)} {why.value}" for why in Retention if why in reasons)
    total_kept = f"{len(reasons)} to keep" + (kept and f": {kept}")
    yield f"{counted(len(garbage.going), 'object')} to delete ({size_text(garbage.size)}), {total_kept}"


def count_text(held: Sequence[StoredObject]) -> str:
    """The number of objects, their size and their cost."""
    cost = total(parse_cost(one.made[0].cost) for one in held if one.made)
    known = any(each.amount for each in cost.amounts)
    price = f"cost {cost}" if known or not cost.unknown else "price unknown"
    return f"{counted(len(held), 'object')}, {size_text(sum(one.size for one in held))}, {price}"


def size_text(size: int) -> str:
    """A number of bytes as text."""
    for unit, scale in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if size >= scale:
            return f"{size / scale:.1f} {unit}"
    return f"{size} B"
