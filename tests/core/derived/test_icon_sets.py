"""The tables of icons say what systems ask for, and the texts fit the pictures."""

from __future__ import annotations

import json
from xml.etree import ElementTree as ET

import pytest

from reconciler.core.derived.icon_sets import icon_files, icon_outputs, icon_texts
from reconciler.core.derived.work import ICON_SETS


def texts(*sets: str, background: str = "#1b2430", name: str = "") -> dict[str, str]:
    return dict(icon_texts(sets, background=background, base="/icons/", name=name))


def test_every_set_has_files_and_every_file_is_listed_once() -> None:
    for name in ICON_SETS:
        assert icon_files([name])
    everything = icon_outputs(ICON_SETS)
    assert list(everything) == sorted(set(everything))
    pictures = {file.path for file in icon_files(ICON_SETS)}
    assert pictures | set(texts(*ICON_SETS)) == set(everything)


def test_the_web_icons() -> None:
    files = {file.path: file for file in icon_files(["favicon", "apple-touch", "pwa", "maskable"])}
    assert files["favicon.ico"].sizes == (16, 32, 48)
    assert (files["apple-touch-icon.png"].sizes, files["apple-touch-icon.png"].opaque) == ((180,), True)
    assert [files[f"icon-{side}.png"].sizes for side in (192, 512)] == [(192,), (512,)]
    assert {files[f"maskable-{side}.png"].safe for side in (192, 512)} == {400}


def test_the_head_links_to_files_that_are_made() -> None:
    head = texts("favicon", "apple-touch", "pwa")["icons.html"]
    linked = {part.split('"')[0] for part in head.split('href="/icons/')[1:]}
    assert linked == {"favicon.ico", "favicon-96.png", "apple-touch-icon.png", "icons.webmanifest"}
    assert linked <= set(icon_outputs(["favicon", "apple-touch", "pwa"]))


def test_the_web_app_manifest_lists_icons_beside_it() -> None:
    document = json.loads(texts("pwa", "maskable", name="Tide")["icons.webmanifest"])
    assert document["name"] == "Tide"
    assert [(icon["src"], icon["sizes"], icon["purpose"]) for icon in document["icons"]] == [
        ("icon-192.png", "192x192", "any"),
        ("icon-512.png", "512x512", "any"),
        ("maskable-192.png", "192x192", "maskable"),
        ("maskable-512.png", "512x512", "maskable"),
    ]
    assert "name" not in json.loads(texts("pwa")["icons.webmanifest"])


def test_the_asset_catalog_names_files_of_its_size() -> None:
    folder = "ios/AppIcon.appiconset/"
    document = json.loads(texts("ios")[f"{folder}Contents.json"])
    sides = {file.path.removeprefix(folder): file.sizes[0] for file in icon_files(["ios"])}
    assert {image["filename"] for image in document["images"]} == set(sides)
    for image in document["images"]:
        points, scale = float(image["size"].split("x")[0]), int(image["scale"][0])
        assert sides[image["filename"]] == points * scale
    assert all(file.opaque for file in icon_files(["ios"])), "the App Store refuses transparency"


def test_the_sides_that_apple_asks_for() -> None:
    sides = sorted(file.sizes[0] for file in icon_files(["ios"]))
    assert sides == [20, 29, 40, 40, 58, 60, 76, 80, 87, 120, 120, 152, 167, 180, 1024]
    images = json.loads(texts("ios")["ios/AppIcon.appiconset/Contents.json"])["images"]
    asked = {
        idiom: [(one["size"], one["scale"]) for one in images if one["idiom"] == idiom] for idiom in ("iphone", "ipad")
    }
    assert [scale for _, scale in asked["iphone"]] == ["2x", "3x"] * 4
    assert [scale for _, scale in asked["ipad"]] == ["1x", "2x"] * 4 + ["2x"]


@pytest.mark.parametrize(("density", "launcher", "foreground"), [("mdpi", 48, 108), ("xxxhdpi", 192, 432)])
def test_android(density: str, launcher: int, foreground: int) -> None:
    files = {file.path: file for file in icon_files(["android"])}
    assert files[f"android/mipmap-{density}/ic_launcher.png"].sizes == (launcher,)
    adaptive = files[f"android/mipmap-{density}/ic_launcher_foreground.png"]
    assert (adaptive.sizes, adaptive.opaque) == ((foreground,), False)
    square = files[f"android/mipmap-{density}/ic_launcher.png"]
    assert (square.opaque, square.safe, files["android/play-store-512.png"].opaque) == (True, 0, True)
    assert adaptive.safe / 1000 <= 33 / 108
    for path, text in texts("android").items():
        assert ET.fromstring(text) is not None, path


def test_a_name_breaks_out_of_no_text() -> None:
    made = texts(*ICON_SETS, name='"</script>\x1b')
    assert json.loads(made["icons.webmanifest"])["name"] == '"</script>\x1b'
    assert all("\x1b" not in text for text in made.values())
