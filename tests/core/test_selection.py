"""One rule for all commands: what a pattern selects."""

from __future__ import annotations

from itertools import pairwise
from typing import ClassVar

import pytest

from reconciler.core.digest import AssetId
from reconciler.core.plan.selection import Selectable, matching, select
from tests.builders import a_spec, an_asset

ASSETS = (
    Selectable(AssetId("hero"), "assets/hero.png", ("web", "large"), "specs/hero.yaml"),
    Selectable(AssetId("hero/back"), "assets/hero/back.png", (), "specs/hero/back.yaml"),
    Selectable(AssetId("icons/items#axe"), "assets/icons/axe.webp", ("web",), "specs/icons/items.yaml"),
    Selectable(AssetId("icons/items#bow"), "assets/icons/bow.webp", (), "specs/icons/items.yaml"),
    Selectable(AssetId("icons/itemsets"), "sets/all.png", (), "specs/icons/itemsets.yaml"),
    Selectable(AssetId("gone")),
)


@pytest.mark.parametrize(
    ("pattern", "selected"),
    [
        ("hero", "hero"),
        ("hero/", "hero/back"),
        ("hero*", "hero hero/back"),
        ("icons", "icons/items#axe icons/items#bow icons/itemsets"),
        ("./icons/", "icons/items#axe icons/items#bow icons/itemsets"),
        ("icons/items", "icons/items#axe icons/items#bow"),
        ("icons/items#*", "icons/items#axe icons/items#bow"),
        ("specs/icons/items.yaml", "icons/items#axe icons/items#bow"),
        ("./specs/icons", "icons/items#axe icons/items#bow icons/itemsets"),
        ("assets/hero.png", "hero"),
        ("./assets/hero.png", "hero"),
        ("assets/*.webp", "icons/items#axe icons/items#bow"),
        ("sets", "icons/itemsets"),
        ("tag:web", "hero icons/items#axe"),
        ("tag:l*", "hero"),
        ("gone", "gone"),
        ("HERO", ""),
        ("her", ""),
        ("web", ""),
        ("", ""),
        ("/", ""),
        ("[", ""),
    ],
)
def test_a_pattern_selects(pattern: str, selected: str) -> None:
    assert sorted(matching(pattern, ASSETS)) == selected.split()


class TestSelection:
    """--include and --exclude, over ids and tags."""

    specs: ClassVar = {
        spec.id: spec
        for spec in (
            a_spec("icons/axe", tags=("web", "small")),
            a_spec("icons/sword", references=(an_asset("mascot"),)),
            a_spec("mascot", references=(an_asset("logo"),)),
            a_spec("logo"),
            a_spec("sheet#a-1", tags=("web",)),
        )
    }

    def chosen(self, *include: str, exclude: tuple[str, ...] = ()) -> set[str]:
        found = select(self.specs, [Selectable(AssetId("icons/old"), "old/a.png")], include=include, exclude=exclude)
        assert found is not None
        return set(found)

    def test_of_nothing_in_particular_is_everything(self) -> None:
        assert select(self.specs, (), include=(), exclude=()) is None

    def test_by_glob_draws_in_what_is_referred_to(self) -> None:
        assert self.chosen("icons/s*") == {"icons/sword", "mascot", "logo"}
        assert self.chosen("icons/*") == {"icons/axe", "icons/sword", "icons/old", "mascot", "logo"}
        assert self.chosen("sheet#*") == {"sheet#a-1"}
        assert self.chosen("ICONS/*") == set()

    def test_by_tag(self) -> None:
        assert self.chosen("tag:web") == {"icons/axe", "sheet#a-1"}
        assert self.chosen("tag:s*", "logo") == {"icons/axe", "logo"}
        assert self.chosen("web") == set()

    def test_less_what_is_excluded_even_if_it_is_referred_to(self) -> None:
        assert self.chosen("icons/sword", exclude=("mascot",)) == {"icons/sword", "logo"}
        assert self.chosen(exclude=("icons/*", "tag:web")) == {"mascot", "logo"}

    def test_leaves_out_what_no_spec_describes(self) -> None:
        specs = {spec.id: spec for spec in [a_spec("hero", references=(an_asset("gone"),))]}
        assert select(specs, (), include=("hero",), exclude=()) == frozenset({AssetId("hero")})

    def test_looks_at_each_asset_once_however_many_ways_lead_to_it(self) -> None:
        layers = [(AssetId(f"left{number}"), AssetId(f"right{number}")) for number in range(40)]
        specs = {AssetId("top"): a_spec("top", references=tuple(map(an_asset, layers[0])))}
        for layer, below in pairwise([*layers, ()]):
            specs |= {each: a_spec(each, references=tuple(map(an_asset, below))) for each in layer}
        assert select(specs, (), include=("top",), exclude=()) == specs.keys()
