"""Divide the assets of a project among several runs, by their recipes: `--shard 2/8`. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import ROUND_DOWN, Decimal

from reconciler.core.digest import AssetId, ContentHash, Json, RecipeKey, hex_of, recipe_key
from reconciler.core.specs.graph import work_order
from reconciler.core.specs.settings import Budget
from reconciler.core.specs.spec import AssetReference, Reference, Spec, build_recipe
from reconciler.core.value import replace, value

MOST_SHARDS = 1_000
_DIGITS = 15
"""Hex digits of a recipe key that decide: 60 bits."""
_CENT = Decimal("0.01")


@value
class Shard:
    """One of `count` parts of a project; `number` counts from 1."""

    number: int
    count: int

    def __str__(self) -> str:
        return f"{self.number}/{self.count}"

    def has(self, key: RecipeKey) -> bool:
        """Whether the recipe with this key belongs to this part. Every recipe belongs to one."""
        return int(hex_of(key)[:_DIGITS], 16) % self.count == self.number - 1


def parse_shard(text: str) -> Shard | None:
    """The shard in `2/8`; None if there is none."""
    number, slash, count = text.partition("/")
    if not slash or not all(each.isascii() and each.isdigit() and len(each) < 5 for each in (number, count)):
        return None
    shard = Shard(int(number), int(count))
    return shard if 1 <= shard.number <= shard.count <= MOST_SHARDS else None


def shard_assets(
    shard: Shard,
    specs: Mapping[AssetId, Spec],
    files: Mapping[str, ContentHash],
    selected: frozenset[AssetId] | None,
) -> frozenset[AssetId]:
    """The selected assets of this shard, with all the selected assets to which they refer. `selected` None: all.

    Assets of one recipe are in one shard if they refer to the same assets. An asset without a spec is in every shard.
    """
    keys: dict[AssetId, RecipeKey] = {}
    for identity in work_order(specs):
        keys[identity] = _key(specs[identity], files, keys)
    chosen = {name for name in (selected or frozenset()) if name not in specs}
    pending = [name for name, key in keys.items() if shard.has(key) and (selected is None or name in selected)]
    while pending:
        name = pending.pop()
        if name in specs and name not in chosen and (selected is None or name in selected):
            chosen.add(name)
            pending += specs[name].upstreams()
    return frozenset(chosen)


def _key(spec: Spec, files: Mapping[str, ContentHash], keys: Mapping[AssetId, RecipeKey]) -> RecipeKey:
    """The key of the recipe. The images of assets may be unknown yet, or differ between two runs: the recipes that they
    are made from stand for them."""
    if not spec.upstreams():
        recipe = build_recipe(spec, lambda ref: _content(ref, files))
        if recipe is not None:
            return recipe.key()
    pictures: list[Json] = [
        keys.get(ref.asset, "") if isinstance(ref, AssetReference) else files.get(ref.path, "")
        for ref in spec.pictures()
    ]
    return recipe_key({"words": spec.base_recipe.manifest(), "pictures": pictures})


def _content(reference: Reference, files: Mapping[str, ContentHash]) -> ContentHash | None:
    return None if isinstance(reference, AssetReference) else files.get(reference.path)


def part_of_budget(budget: Budget, shard: Shard) -> Budget:
    """What this shard may spend: the limits of a run, divided by the number of shards and rounded down. The limit of an
    asset stays as it is."""
    left = budget.left
    if left is not None:
        amount = _part(left.amount, shard)
        left = replace(left, amount=amount, text=f"{left.text}; shard {shard} has {amount} of the rest")
    return replace(
        budget,
        per_run=None if budget.per_run is None else _part(budget.per_run, shard),
        images=None if budget.images is None else budget.images // shard.count,
        left=left,
    )


def part_of_rate(requests_per_minute: int, shard: Shard) -> int | None:
    """The rate of this shard, rounded down; 0 is no limit. None: less than one request a minute would be left."""
    part = requests_per_minute // shard.count
    return part if part or not requests_per_minute else None


def _part(amount: Decimal, shard: Shard) -> Decimal:
    return (amount / shard.count).quantize(_CENT, ROUND_DOWN)
