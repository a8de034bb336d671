"""Engines read the same places from every kind of data file, and an earlier file gives its layout back."""

from __future__ import annotations

import json
import plistlib
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.core.derived.atlas_data import (
    MOST_DATA,
    SUFFIXES_OF_DATA,
    Atlas,
    AtlasFrame,
    data_texts,
    earlier_layout,
    layout_file,
)
from reconciler.core.derived.atlas_packing import MOST_SPRITES
from reconciler.core.derived.operations import Slice
from reconciler.core.derived.work import ATLAS_DATA

SWORD = AtlasFrame("items/sword", 0, 1, 1, 30, 40, 64, 64, 10, 20)
PANEL = AtlasFrame("panel", 0, 40, 1, 24, 24, 24, 24, borders=Slice(4, 5, 6, 7))
SHIELD = AtlasFrame("items/shield", 1, 3, 5, 16, 16, 16, 16)
ATLAS = Atlas("items", (SWORD, PANEL, SHIELD), ((66, 43), (20, 24)))
NASTY = '*/ --> ";\n\x1b[2J</string><!-- %:;#\u202e\\'


def texts(kind: str, atlas: Atlas = ATLAS) -> dict[str, str]:
    return dict(data_texts(atlas, kind))


def test_every_kind_is_known() -> None:
    assert set(SUFFIXES_OF_DATA) == set(ATLAS_DATA)
    assert len(set(SUFFIXES_OF_DATA.values())) == len(SUFFIXES_OF_DATA)


def test_texturepacker_hash() -> None:
    files = texts("texturepacker")
    assert list(files) == ["items.json", "items-1.json"]
    first = json.loads(files["items.json"])
    assert first["frames"]["items/sword"] == {
        "frame": {"x": 1, "y": 1, "w": 30, "h": 40},
        "rotated": False,
        "trimmed": True,
        "spriteSourceSize": {"x": 10, "y": 20, "w": 30, "h": 40},
        "sourceSize": {"w": 64, "h": 64},
    }
    assert first["frames"]["panel"]["borders"] == {"left": 4, "top": 5, "right": 6, "bottom": 7}
    assert (first["meta"]["image"], first["meta"]["scale"]) == ("items.png", "1")
    assert first["meta"]["size"] == {"w": 66, "h": 43}
    assert first["meta"]["related_multi_packs"] == ["items-1.json"]
    assert json.loads(files["items-1.json"])["meta"]["image"] == "items-1.png"
    assert "layout" not in json.loads(texts("texturepacker", Atlas("one", (SWORD,), ((66, 43),)))["one.json"])["meta"]


def test_texturepacker_array() -> None:
    files = texts("texturepacker-array")
    assert [one["filename"] for one in json.loads(files["items.array.json"])["frames"]] == ["items/sword", "panel"]


def test_phaser_has_all_pages_in_one_file() -> None:
    (text,) = texts("phaser3").values()
    textures = json.loads(text)["textures"]
    assert [(one["image"], [frame["filename"] for frame in one["frames"]]) for one in textures] == [
        ("items.png", ["items/sword", "panel"]),
        ("items-1.png", ["items/shield"]),
    ]
    assert textures[0]["frames"][1]["scale9Borders"] == {"x": 4, "y": 5, "w": 14, "h": 12}


def test_godot_has_a_texture_for_each_sprite() -> None:
    (text,) = texts("godot").values()
    assert text.startswith('[gd_resource type="SpriteFrames" load_steps=6 format=3]\n')
    assert '[ext_resource type="Texture2D" path="items-1.png" id="2"]' in text
    assert "region = Rect2(1, 1, 30, 40)\nmargin = Rect2(10, 20, 34, 24)" in text
    assert re.findall(r'"name": &"(.*?)"', text) == ["items/sword", "panel", "items/shield"]


def test_plist_is_one() -> None:
    files = texts("plist")
    first = plistlib.loads(files["items.plist"].encode())
    assert first["frames"]["items/sword"] == {
        "aliases": [],
        "spriteOffset": "{-7,-8}",
        "spriteSize": "{30,40}",
        "spriteSourceSize": "{64,64}",
        "textureRect": "{{1,1},{30,40}}",
        "textureRotated": False,
    }
    assert first["metadata"] == {
        "format": 3,
        "pixelFormat": "RGBA8888",
        "realTextureFileName": "items.png",
        "size": "{66,43}",
        "textureFileName": "items.png",
    }
    assert list(plistlib.loads(files["items-1.plist"].encode())["frames"]) == ["items/shield"]


def test_unity_measures_upwards() -> None:
    files = texts("unity")
    lines = files["items.tpsheet"].splitlines()
    assert ":texture=items.png" in lines and ":size=66x43" in lines and ":borders=enabled" in lines
    assert lines[-2] == "items/sword;1;2;30;40; 0.733333;0.7; 0;0;0;0"
    assert lines[-1] == "panel;40;18;24;24; 0.5;0.5; 4;6;5;7"


def test_css_counts_in_pixels_of_the_page() -> None:
    double = Atlas("items@2x", (SWORD,), ((66, 43),), scale=2)
    rule = texts("css", double)["items@2x.css"].splitlines()[1]
    assert rule == (
        '.items\\/sword { background: url("items@2x.png") -0.5px -0.5px / 33px 21.5px no-repeat; '
        "width: 15px; height: 20px }"
    )


NAMES = st.one_of(st.just(NASTY), st.text(min_size=1, max_size=12))
FRAMES = st.lists(
    st.builds(
        AtlasFrame,
        NAMES,
        st.integers(0, 1),
        *[st.integers(0, 2000)] * 2,
        *[st.integers(1, 300)] * 4,
        *[st.integers(0, 9)] * 2,
    ),
    min_size=1,
    max_size=6,
    unique_by=lambda frame: frame.name,
)


@given(FRAMES, st.sampled_from(ATLAS_DATA))
def test_an_earlier_file_of_any_kind_gives_its_layout_back(frames: list[AtlasFrame], kind: str) -> None:
    atlas = Atlas("items", tuple(frames), ((2400, 2400),) * 2)
    files = texts(kind, atlas)
    found = earlier_layout(files[layout_file("items", [kind])])
    assert {(one.sprite.id, one.page, one.x, one.y, one.sprite.width, one.sprite.height) for one in found} == {
        (one.name, one.page, one.x, one.y, one.width, one.height) for one in frames
    }


@given(FRAMES)
def test_names_break_out_of_no_text(frames: list[AtlasFrame]) -> None:
    atlas = Atlas("items", tuple(frames), ((2400, 2400),) * 2)
    for kind in ATLAS_DATA:
        for text in texts(kind, atlas).values():
            assert "\x1b" not in text
            text.encode("utf-8", "strict" if kind in ("godot", "plist") else "surrogatepass")
    for text in texts("plist", atlas).values():
        assert isinstance(plistlib.loads(text.encode())["frames"], dict)
    css = texts("css", atlas)["items.css"]
    assert css.count("*/") == 1
    assert css.count("\n") == 1 + len(frames)
    assert all(text.count("\n") == 11 + sum(one.page == page for one in frames) for page, text in enumerate(
        texts("unity", atlas).values()
    ))  # fmt: skip


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[" * 100_000,
        '{"frames": ' * 5_000,
        "{}",
        '{"frames": 3, "meta": {}}',
        '{"frames": {"a": 3}, "meta": {}}',
        '{"frames": {"a": {"frame": {"x": 1e9, "y": 0, "w": 1, "h": 1}}}, "meta": {}}',
        '{"frames": {"a": {"frame": {"x": true, "y": 0, "w": 1, "h": 1}}}, "meta": {}}',
        '{"frames": {"a": {"frame": {"x": -1, "y": 0, "w": 1, "h": 1}}}, "meta": {}}',
        '{"frames": {"a": {"frame": {"x": 1, "y": 0, "w": 0, "h": 1}}}, "meta": {}}',
        '{"frames": {}, "meta": {"layout": 7}}',
        '{"textures": {}}',
        "reconciler-layout: {}",
        "reconciler-layout: [7]",
        'reconciler-layout: [["a",0,0,0,1,1],["a",0,9,9,1,1]]',
        "reconciler-layout: [" + "9" * 10_000,
        " " * (MOST_DATA + 1),
        "reconciler-layout: " + json.dumps([[str(each), 0, 0, 0, 1, 1] for each in range(MOST_SPRITES + 1)]),
    ],
    ids=lambda text: text[:40],
)
def test_a_text_that_is_no_layout_gives_none(text: str) -> None:
    assert earlier_layout(text) == ()


def test_the_layout_is_read_from_the_first_kind() -> None:
    assert layout_file("atlas/items", ("godot", "texturepacker")) == "atlas/items.json"
    assert layout_file("atlas/items", ()) == ""
