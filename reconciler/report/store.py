"""The content of the store, for people and for programs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from reconciler.core.digest import AssetId, RecipeKey
from reconciler.core.money.cost import parse_cost, total
from reconciler.core.retention import StoredObject
from reconciler.core.text import printable
from reconciler.report.plan_text import counted

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


def count_text(held: Sequence[StoredObject]) -> str:
    """How many objects, how large, and what they have cost."""
    cost = total(parse_cost(one.made[0].cost) for one in held if one.made)
    known = any(each.amount for each in cost.amounts)
    price = f"made for {cost}" if known or not cost.unknown else "price unknown"
    return f"{counted(len(held), 'object')}, {size_text(sum(one.size for one in held))}, {price}"


def size_text(size: int) -> str:
    """Bytes as people read them."""
    for unit, scale in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if size >= scale:
            return f"{size / scale:.1f} {unit}"
    return f"{size} B"
