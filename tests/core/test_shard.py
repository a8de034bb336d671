"""A project divided by the recipes of its assets: every asset in one shard, an even number in each, fair limits."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.core.digest import AssetId, recipe_key
from reconciler.core.plan.shard import Shard, parse_shard, part_of_budget, part_of_rate, shard_assets
from reconciler.core.recipe import Recipe
from reconciler.core.specs.settings import Budget, Left
from reconciler.core.specs.spec import Reference, Spec
from reconciler.core.value import replace
from tests.builders import a_file, a_spec, an_asset, bytes_of

COAST = "refs/coast.png"
FILES = {COAST: bytes_of("coast")}


@st.composite
def projects(draw: st.DrawFn) -> dict[AssetId, Spec]:
    """A few specs, some of which share a recipe, and which refer to earlier ones and to a file."""
    specs: list[Spec] = []
    for number in range(draw(st.integers(1, 8))):
        earlier = [an_asset(one.id) for one in specs]
        references: list[Reference] = draw(st.lists(st.sampled_from([a_file(COAST), *earlier]), max_size=2))
        prompt = draw(st.sampled_from(["a sword", "a shield", "a helmet", "a boot"]))
        specs.append(a_spec(f"a{number}", prompt=prompt, references=tuple(references)))
    return {spec.id: spec for spec in specs}


def parts(
    specs: dict[AssetId, Spec], count: int, selected: frozenset[AssetId] | None = None
) -> list[frozenset[AssetId]]:
    return [shard_assets(Shard(n, count), specs, FILES, selected) for n in range(1, count + 1)]


def closure(specs: dict[AssetId, Spec], names: frozenset[AssetId]) -> set[AssetId]:
    found, pending = set(names), list(names)
    while pending:
        for up in set(specs[pending.pop()].upstreams()) - found:
            found.add(up)
            pending.append(up)
    return found


@given(projects(), st.integers(1, 5))
def test_every_asset_is_in_a_shard_together_with_those_that_it_refers_to(
    specs: dict[AssetId, Spec], count: int
) -> None:
    divided = parts(specs, count)
    assert set().union(*divided) == specs.keys()
    for part in divided:
        assert closure(specs, part) == part
    leaves = specs.keys() - {up for spec in specs.values() for up in spec.upstreams()}
    for leaf in leaves:
        assert sum(leaf in part for part in divided) == 1, "nothing refers to it: one shard has it"


@given(projects(), st.integers(2, 5), st.data())
def test_a_selection_is_divided_as_the_whole_is(specs: dict[AssetId, Spec], count: int, data: st.DataObject) -> None:
    selected = frozenset(data.draw(st.sets(st.sampled_from(sorted(specs)))))
    for part, whole in zip(parts(specs, count, selected), parts(specs, count), strict=True):
        assert part <= selected
        assert part <= whole
    assert set().union(*parts(specs, count, selected)) == selected


def test_assets_that_share_a_recipe_are_in_one_shard() -> None:
    same = {AssetId(name): a_spec(name, references=(a_file(COAST),)) for name in ("a", "b", "c")}
    assert sorted(map(len, parts(same, 7))) == [0] * 6 + [3]
    chained = same | {AssetId(name): a_spec(name, references=(an_asset("a"),)) for name in ("x", "y")}
    for part in parts(chained, 7):
        assert ("x" in part) == ("y" in part)


def test_the_image_of_a_file_decides_and_an_absent_one_is_no_error() -> None:
    specs = {AssetId(str(n)): a_spec(str(n), references=(a_file(f"{n}.png"),)) for n in range(40)}
    files = {f"{n}.png": bytes_of(str(n)) for n in range(40)}
    assert 5 < len(shard_assets(Shard(1, 4), specs, files, None)) < 15
    assert set().union(*(shard_assets(Shard(n, 4), specs, {}, None) for n in range(1, 5))) == specs.keys()


@pytest.mark.parametrize("count", [2, 4])
def test_shards_of_100_000_recipes_differ_by_at_most_1_percent(count: int) -> None:
    keys = [recipe_key({"prompt": f"a sword of the kind {n}"}) for n in range(100_000)]
    sizes = [sum(Shard(n, count).has(key) for key in keys) for n in range(1, count + 1)]
    assert sum(sizes) == 100_000
    assert all(abs(size - 100_000 / count) <= 0.01 * 100_000 / count for size in sizes), sizes


def test_the_number_of_a_recipe_is_its_first_60_bits() -> None:
    key = Recipe("a sword").key()
    number = int(key[3:18], 16) % 8 + 1
    assert [n for n in range(1, 9) if Shard(n, 8).has(key)] == [number]


@pytest.mark.parametrize(
    "text", ["", "2", "0/8", "9/8", "2/", "/8", "a/b", "-1/8", "1/1001", "1/٣", "1/8/9", "99999/99999"]
)
def test_what_is_no_shard(text: str) -> None:
    assert parse_shard(text) is None


def test_a_shard_is_written_as_it_is_read() -> None:
    assert parse_shard("2/8") == Shard(2, 8)
    assert str(Shard(2, 8)) == "2/8"


def test_limits_are_divided_and_rounded_down() -> None:
    budget = Budget(Decimal("5.00"), Decimal("0.50"), 10, left=Left(Decimal("1.00"), "9 USD in all"))
    part = part_of_budget(budget, Shard(2, 8))
    assert (part.per_run, part.per_asset, part.images) == (Decimal("0.62"), Decimal("0.50"), 1)
    assert part.left is not None
    assert (part.left.amount, "shard 2/8 has 0.12" in part.left.text) == (Decimal("0.12"), True)
    assert part_of_budget(Budget(), Shard(2, 8)) == Budget()


@given(st.decimals(0, 10_000, places=2), st.integers(0, 1000), st.integers(1, 1000), st.integers(0, 10_000))
def test_all_shards_together_never_have_more_than_the_whole(money: Decimal, images: int, count: int, rate: int) -> None:
    each = part_of_budget(replace(Budget(), per_run=money, images=images), Shard(1, count))
    assert each.per_run is not None and each.images is not None
    assert each.per_run * count <= money and each.images * count <= images
    part = part_of_rate(rate, Shard(1, count))
    assert part is None if 0 < rate < count else part is not None and part * count <= rate
    assert rate == 0 or part != 0, "0 would be no limit"
