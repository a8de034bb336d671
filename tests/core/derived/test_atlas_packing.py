"""Sprites never overlap, keep their distance, and stay where they were when another one is added."""

from __future__ import annotations

import random
import time

from hypothesis import given
from hypothesis import strategies as st

from reconciler.core.derived.atlas_packing import AtlasSettings, DoesNotFit, Layout, Placement, Sprite, pack_atlas
from reconciler.core.value import replace

SETTINGS = st.builds(
    AtlasSettings,
    width=st.integers(40, 160),
    height=st.integers(40, 160),
    padding=st.integers(0, 4),
    extrude=st.integers(0, 3),
)
SIZES = st.lists(st.tuples(st.integers(1, 34), st.integers(1, 34)), max_size=40)


def sprites(sizes: list[tuple[int, int]], prefix: str = "s") -> list[Sprite]:
    return [Sprite(f"{prefix}{number}", *size) for number, size in enumerate(sizes)]


def packed(items: list[Sprite], settings: AtlasSettings, earlier: tuple[Placement, ...] = ()) -> Layout:
    layout = pack_atlas(items, settings, earlier)
    assert isinstance(layout, Layout), layout
    return layout


def check(layout: Layout, items: list[Sprite], settings: AtlasSettings) -> None:
    """Everything lies on its page, and the rims of any two sprites are at least the padding apart."""
    assert [one.sprite for one in layout.placements] == sorted(items, key=lambda one: one.id)
    rim, pad = settings.extrude, settings.padding
    for width, height in layout.pages:
        assert width <= settings.width
        assert height <= settings.height
    for one in layout.placements:
        width, height = layout.pages[one.page]
        assert rim <= one.x <= width - rim - one.sprite.width
        assert rim <= one.y <= height - rim - one.sprite.height
    for index, one in enumerate(layout.placements):
        for other in layout.placements[:index]:
            across = max(one.x - other.x - other.sprite.width, other.x - one.x - one.sprite.width)
            down = max(one.y - other.y - other.sprite.height, other.y - one.y - one.sprite.height)
            assert one.page != other.page or max(across, down) >= 2 * rim + pad


@given(SIZES, SETTINGS)
def test_no_two_overlap_and_all_keep_their_distance(sizes: list[tuple[int, int]], settings: AtlasSettings) -> None:
    items = sprites(sizes)
    check(packed(items, settings), items, settings)


@given(SIZES, SETTINGS, st.randoms())
def test_the_order_of_the_input_does_not_matter(
    sizes: list[tuple[int, int]], settings: AtlasSettings, chance: random.Random
) -> None:
    items = sprites(sizes)
    shuffled = [*items]
    chance.shuffle(shuffled)
    assert packed(items, settings) == packed(shuffled, settings)


@given(SIZES, SIZES, st.sets(st.integers(0, 39)), SETTINGS)
def test_what_stays_is_not_moved_unless_there_is_no_room(
    sizes: list[tuple[int, int]], more: list[tuple[int, int]], gone: set[int], settings: AtlasSettings
) -> None:
    """Some sprites are removed and some added: the others stay where they are."""
    before = packed(sprites(sizes), settings)
    items = [one for number, one in enumerate(sprites(sizes)) if number not in gone] + sprites(more, "new")
    after = packed(items, settings, before.placements)
    check(after, items, settings)
    places = {one.sprite.id: one for one in before.placements}
    if not after.moved:
        assert all(places.get(one.sprite.id, one) == one for one in after.placements)


@given(SIZES, st.tuples(st.integers(1, 34), st.integers(1, 34)), st.integers(0, 4), st.integers(0, 3))
def test_one_more_sprite_moves_none(
    sizes: list[tuple[int, int]], new: tuple[int, int], padding: int, extrude: int
) -> None:
    settings = AtlasSettings(2048, 2048, padding, extrude)
    before = packed(sprites(sizes), settings)
    after = packed([*sprites(sizes), Sprite("a new one", *new)], settings, before.placements)
    check(after, [*sprites(sizes), Sprite("a new one", *new)], settings)
    assert not after.moved
    assert set(before.placements) <= set(after.placements)


@given(st.lists(st.tuples(*[st.integers(-5, 200)] * 5), max_size=12), SIZES, SETTINGS)
def test_an_earlier_layout_may_say_anything(
    said: list[tuple[int, int, int, int, int]], sizes: list[tuple[int, int]], settings: AtlasSettings
) -> None:
    earlier = tuple(
        Placement(Sprite(f"s{number}", width, height), page, x, y)
        for number, (width, height, page, x, y) in enumerate(said)
    )
    items = sprites(sizes)
    layout = packed(items, settings, earlier)
    check(layout, items, settings)


def test_the_place_of_a_sprite_that_is_gone_is_used_again() -> None:
    settings = AtlasSettings()
    items = sprites([(64, 64)] * 30)
    before = packed(items, settings)
    after = packed([*items[:7], *items[8:], Sprite("another", 60, 64)], settings, before.placements)
    (old,) = (one for one in before.placements if one.sprite.id == "s7")
    (new,) = (one for one in after.placements if one.sprite.id == "another")
    assert (new.x, new.y) == (old.x, old.y)
    assert after.pages == before.pages


def test_a_sprite_that_has_grown_moves_alone() -> None:
    settings = AtlasSettings()
    items = sprites([(64, 64)] * 30)
    before = packed(items, settings)
    after = packed([*items[:7], Sprite("s7", 64, 65), *items[8:]], settings, before.placements)
    assert not after.moved
    moved = {one.sprite.id for one in set(after.placements) - set(before.placements)}
    assert moved == {"s7"}


def test_all_are_packed_anew_where_that_saves_a_page_and_that_is_said() -> None:
    settings = AtlasSettings(100, 100, 0, 0)
    in_the_middle = Placement(Sprite("s0", 20, 20), 0, 40, 40)
    after = packed([*sprites([(20, 20)]), Sprite("wide", 100, 60)], settings, (in_the_middle,))
    assert (after.moved, len(after.pages)) == (True, 1)


def test_none_is_moved_where_that_saves_no_page() -> None:
    settings = AtlasSettings(100, 100, 0, 0)
    before = packed(sprites([(50, 50)] * 2), settings)
    after = packed([*sprites([(50, 50)] * 2), Sprite("wide", 100, 60)], settings, before.placements)
    assert (after.moved, len(after.pages)) == (False, 2)
    assert set(before.placements) <= set(after.placements)


def test_pages_overflow_and_a_sprite_larger_than_one_does_not_fit() -> None:
    settings = AtlasSettings(128, 128, 2, 1)
    assert [one.page for one in packed(sprites([(126, 126)] * 3), settings).placements] == [0, 1, 2]
    assert pack_atlas(sprites([(64, 64), (127, 4)]), settings) == DoesNotFit(Sprite("s1", 127, 4))


def test_an_atlas_of_nothing_has_no_page() -> None:
    assert packed([], AtlasSettings()) == Layout((), ())


def filled(layout: Layout, settings: AtlasSettings) -> float:
    """The part of the pages that cells cover: a sprite, its rim and its padding."""
    around = 2 * settings.extrude + settings.padding
    cells = sum((one.sprite.width + around) * (one.sprite.height + around) for one in layout.placements)
    pages = sum((width + settings.padding) * (height + settings.padding) for width, height in layout.pages)
    return cells / pages


def test_a_thousand_sprites_fill_their_page_in_no_time() -> None:
    settings = AtlasSettings(4096, 4096)
    chance = random.Random(7)
    for sizes in ([(64, 64)] * 1000, [(chance.randint(48, 80), chance.randint(48, 80)) for _ in range(1000)]):
        began = time.process_time()
        layout = packed(sprites(sizes), settings)
        took = time.process_time() - began
        assert filled(layout, settings) >= 0.95
        assert took < 0.25, "50 ms on a quiet machine: see `make bench`"
        (page,) = layout.pages
        assert max(page) <= 4096


def test_a_layout_of_ten_thousand_is_checked_soon() -> None:
    """A data file of a stranger: all its sprites are gone, and as many are new."""
    settings = AtlasSettings(4096, 4096, 0, 0)
    earlier = tuple(
        Placement(Sprite(f"old{number}", 4, 4), 0, number % 1000 * 4, number // 1000 * 4) for number in range(10_000)
    )
    kept = replace(earlier[0], sprite=Sprite("s0", 4, 4))
    began = time.process_time()
    packed(sprites([(4, 4)] * 5_000), settings, (kept, *earlier[1:]))
    assert time.process_time() - began < 3
