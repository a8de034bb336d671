"""The page of `gallery` in a browser: its views, its keys, its links, its decisions, and what axe says of it."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.browser.browser import Browser, Page
from tests.browser.conftest import whole_only
from tests.browser.pages import compared, done

READY = "document.documentElement.dataset.ready === 'true'"
NAME = "#name"
VIEWS = {"1": "Single", "2": "2-up", "3": "Slider", "4": "Onion", "5": "Difference", "6": "Blink"}
LOADED = "[...document.querySelectorAll('#stage img')].every((each) => each.complete && each.naturalWidth > 0)"


@pytest.fixture(scope="module")
def gallery(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return compared(tmp_path_factory.mktemp("gallery") / "shop")


@pytest.fixture
def shown(page: Page, gallery: Path) -> Iterator[Page]:
    """The page; nothing may have gone wrong in it at the end, and nothing but files of the project be asked for."""
    page.goto(gallery).wait(READY)
    yield page
    seen = page.seen
    assert seen.complaints == []
    assert [each for each in seen.requests if not each.startswith(gallery.parent.as_uri())] == []


def pressed(page: Page, selector: str = "#views") -> str:
    return str(page.js(f"document.querySelector('{selector} [aria-pressed=true]').textContent"))


def test_every_view_by_its_key(shown: Page) -> None:
    shown.press("j", "Enter")
    assert shown.text(NAME) == "hero"
    for key, name in VIEWS.items():
        shown.press(key)
        shown.wait(LOADED)
        assert pressed(shown) == name
        assert shown.js("document.querySelectorAll('#stage img').length") == (1 if key == "1" else 2)
        assert shown.js("document.getElementById('stage').getAttribute('aria-label')") == f"hero, {name}"


@whole_only
def test_keys_move_between_images_and_back_to_all(shown: Page) -> None:
    shown.press("j", "j", "Enter")
    assert shown.text(NAME) == "icons/sword"
    assert shown.js("location.hash") == "#icons/sword"
    shown.press("j")
    assert shown.text(NAME) == "late"
    assert shown.text("#place") == "3 / 4"
    shown.press("k", "k", "k")
    assert shown.text(NAME) == "hero"
    assert shown.text("#status") == "This is the first image."
    shown.press("Escape")
    assert shown.js("document.body.dataset.place") == "overview"
    assert shown.js("document.activeElement.textContent").startswith("hero")
    shown.press("ArrowRight", "ArrowRight", "Enter")
    assert shown.text(NAME) == "late"


@whole_only
def test_enter_opens_the_first_image_where_none_is_chosen(shown: Page) -> None:
    shown.press("Enter")
    assert shown.text("#place") == "1 / 4"


@whole_only
def test_a_link_opens_its_image_and_the_history_goes_back(shown: Page, gallery: Path) -> None:
    shown.goto(f"{gallery.as_uri()}#icons/sword").wait(READY)
    shown.wait("document.querySelector('#name').textContent === 'icons/sword'")
    shown.press("j")
    shown.js("history.back()")
    shown.wait("document.querySelector('#name').textContent === 'icons/sword'")


@whole_only
def test_an_image_of_no_revision_has_nothing_to_compare_with(shown: Page) -> None:
    shown.press("j", "Enter", "2", "j", "j")
    assert shown.text(NAME) == "late"
    assert pressed(shown) == "Single"
    assert "main does not have it" in shown.text("#caption")
    shown.press("3", " ")
    assert shown.text("#status") == "There is nothing to compare this image with."
    shown.press("k")
    assert pressed(shown) == "2-up"


def test_the_difference_is_black_where_nothing_differs(shown: Page, tmp_path: Path) -> None:
    from PIL import Image

    shown.press("j", "Enter", "5", "z")
    shown.wait(LOADED)
    for gain, bright in (("× 1", 128), ("× 8", 255)):
        assert pressed(shown, "#extra .group") == gain
        with Image.open(shown.screenshot(tmp_path / "stage.png", selector=".plane")) as image:
            pixels = image.convert("RGB")
            assert pixels.getpixel((300, 200)) == (0, 0, 0)
            assert pixels.getpixel((40, 70)) == (255, 255, 127 if bright == 128 else 255)
        shown.press("g")


@whole_only
def test_zoom_and_pan_are_the_same_in_both_panes(shown: Page) -> None:
    shown.press("j", "Enter", "2", "z", "z", "z")
    assert pressed(shown, "#zooms") == "400%"
    shown.press("ArrowRight", "ArrowDown", "ArrowRight")
    moved = shown.js("[...document.querySelectorAll('.plane')].map((each) => each.style.transform)")
    assert len(moved) == 2 and moved[0] == moved[1]
    assert shown.js("getComputedStyle(document.querySelector('.plane img')).imageRendering") == "pixelated"
    shown.drag((500, 400), (440, 370))
    dragged = shown.js("[...document.querySelectorAll('.plane')].map((each) => each.style.transform)")
    assert dragged[0] == dragged[1] != moved[0]
    shown.wheel((500, 400), (0, 100))
    assert pressed(shown, "#zooms") == "200%"
    shown.press("-", "-", "+")
    assert pressed(shown, "#zooms") == "100%"


@whole_only
def test_the_slider_follows_pointer_and_arrows(shown: Page) -> None:
    shown.press("j", "Enter", "3")
    shown.wait(LOADED)
    before = shown.js("document.querySelector('.split').style.left")
    shown.press("ArrowRight")
    after = shown.js("document.querySelector('.split').style.left")
    assert float(after[:-2]) > float(before[:-2])
    left, top = shown.js("(({left, top}) => [left, top])(document.querySelector('#stage').getBoundingClientRect())")
    shown.drag((left + 300, top + 100), (left + 100, top + 100))
    assert abs(float(shown.js("document.querySelector('.split').style.left")[:-2]) - 100) < 2


@whole_only
def test_blink_alternates_unless_motion_is_reduced(browser: Browser, shown: Page, gallery: Path) -> None:
    tag = "document.querySelector('#stage .tag').textContent"
    shown.press("j", "Enter", "6")
    shown.wait(f"{tag} === 'main'")
    shown.wait(f"{tag} === 'now'")
    shown.press(" ")
    assert shown.text("#pause") == "Play"
    calm = browser.page(motion="reduce")
    calm.goto(gallery).wait(READY)
    calm.press("j", "Enter", "6")
    assert calm.js(f"new Promise((done) => setTimeout(() => done({tag}), 900))") == "now"
    calm.press(" ")
    assert calm.js(tag) == "main"
    calm.close()


@whole_only
def test_backgrounds_go_round_and_one_is_of_any_colour(shown: Page) -> None:
    shown.press("j", "Enter")
    names = []
    for _ in range(6):
        shown.press("b")
        names.append(shown.text("#status"))
    assert len(set(names)) == 6
    shown.press("b", "b", "b", "b", "b")
    assert shown.js("document.querySelector('#grounds input[type=color]') !== null")


@whole_only
def test_search_and_filters(shown: Page) -> None:
    visible = (
        "[...document.querySelectorAll('#cards li:not([hidden]) .card')].map((each) => decodeURIComponent(each.hash))"
    )
    shown.press("/")
    shown.type("bronze")
    assert shown.js(visible) == ["#icons/sword"]
    shown.press("Escape")
    assert len(shown.js(visible)) == 4
    shown.click("[data-filter=changed]")
    assert shown.js(visible) == ["#hero", "#icons/sword", "#late"]
    shown.click("[data-filter=all]")
    shown.js("document.querySelector('#tag').focus()")
    shown.type("ship")
    assert shown.js(visible) == ["#hero"]
    shown.press("/")
    shown.type("nothing like it")
    assert shown.text("#none") == "No image matches."


@whole_only
def test_the_facts_of_an_image(shown: Page) -> None:
    shown.press("j", "Enter")
    facts = shown.text("#facts")
    for words in ("The first image", "up to date", "imported", "assets/hero.png", "specs/hero.yaml", "ship"):
        assert words in facts
    assert shown.text("#facts del") == "dusk"
    assert shown.text("#facts ins") == "dawn"


def test_decisions_are_commands_to_copy(shown: Page, gallery: Path) -> None:
    shown.press("j", "Enter", "a")
    assert shown.text(NAME) == "icons/sword"
    shown.press("r")
    shown.type("the blade isn't sharp; $(rm -rf ~)")
    shown.press("Control+Enter")
    shown.wait("document.querySelector('#name').textContent === 'late'")
    shown.click("#decisions-open")
    hero, sword = shown.js("document.getElementById('lines').value").splitlines()
    assert hero.startswith("reconciler approve hero --content sha256:")
    assert sword.startswith("reconciler reject icons/sword --content sha256:")
    assert sword.endswith(" --note 'the blade isn'\\''t sharp; $(rm -rf ~)'")
    shown.press("Escape")
    shown.reload()
    shown.wait(READY)
    assert shown.text("#decisions-open") == "Decisions (2)"  # they outlive a reload
    shown.js("sessionStorage.clear()")


@whole_only
def test_undo_takes_the_last_decision_back(shown: Page) -> None:
    shown.press("j", "Enter", "a", "a", "u")
    assert shown.text(NAME) == "icons/sword"
    assert shown.text("#decisions-open") == "Decisions (1)"
    shown.press("u")
    assert shown.text(NAME) == "hero"
    assert shown.js("document.querySelector('#decisions-open').hidden")


@whole_only
def test_a_rejection_needs_a_note_and_can_be_called_off(shown: Page) -> None:
    shown.press("j", "Enter", "r")
    shown.press("Control+Enter")
    assert shown.js("document.querySelector('#note-dialog').open")
    shown.press("Escape")
    shown.wait("!document.querySelector('#note-dialog').open")
    assert shown.js("document.querySelector('#decisions-open').hidden")


@whole_only
def test_help_lists_the_keys(shown: Page) -> None:
    shown.press("?")
    assert "approve" in shown.text("#keys")
    shown.press("Escape")
    assert not shown.js("document.querySelector('#help').open")


WIDTHS = [(scheme, width) for scheme in ("light", "dark") for width in (360, 1280, 1600)]


@pytest.mark.parametrize(
    ("scheme", "width"), [pytest.param(*each, marks=[] if each == ("dark", 360) else whole_only) for each in WIDTHS]
)
def test_axe_finds_nothing(scheme: str, width: int, browser: Browser, gallery: Path) -> None:
    page = browser.page(width, 800, scheme=scheme, motion="reduce")
    page.goto(gallery).wait(READY)
    assert page.violations() == []
    page.press("j", "Enter")
    for key in "125":
        page.press(key)
        page.wait(LOADED)
        assert page.violations() == []
    page.press("a", "?")
    assert page.violations() == []
    page.press("Escape", "r")
    assert page.violations() == []
    page.press("Escape")
    assert page.js("document.documentElement.scrollWidth <= innerWidth")
    page.close()


@whole_only
def test_all_of_it_by_keyboard_has_a_visible_focus(shown: Page) -> None:
    shown.press("j", "Enter")
    style = "document.activeElement === document.body ? '' : getComputedStyle(document.activeElement).outlineStyle"
    styles = []
    for _ in range(40):
        shown.press("Tab")
        styles.append(shown.js(style))
    assert len([each for each in styles if each]) > 20
    assert "none" not in styles


@whole_only
def test_the_commands_of_a_page_do_what_was_decided(page: Page, tmp_path: Path) -> None:
    file = compared(tmp_path / "shop")
    page.goto(f"{file.as_uri()}#hero").wait(READY)
    page.press("a", "r")
    page.type("it's $(too) `blunt`")
    page.press("Control+Enter")
    page.wait("document.querySelector('#name').textContent === 'late'")
    page.click("#decisions-open")
    for line in page.js("document.getElementById('lines').value").splitlines():
        program, *arguments = shlex.split(line)
        assert program == "reconciler"
        done(file.parent, *arguments, "--by", "ada@example.com")
    lines = [line for each in (file.parent / "reviews").iterdir() for line in each.read_text().splitlines()]
    found = [(each["asset"], each["verdict"], each["note"]) for each in map(json.loads, lines)]
    assert found == [("hero", "approve", ""), ("icons/sword", "reject", "it's $(too) `blunt`")]


@whole_only
def test_derived_files_have_their_true_size(page: Page, tmp_path: Path) -> None:
    file = compared(tmp_path / "shop")
    root = file.parent
    rule = "{widths: [24, 48], formats: [png], output: 'public/${name}-${width}.${ext}'}"
    (root / "specs/_derive.yaml").write_text(f"small: {rule}\n")
    (root / "specs/icons/sword.yaml").write_text(json.dumps({"prompt": "A bronze sword", "derive": ["small"]}))
    done(root, "derive")
    done(root, "gallery", "-o", str(file))
    page.goto(f"{file.as_uri()}#icons/sword").wait(READY)
    widths = "[...document.querySelectorAll('.true img')].map((each) => [each.naturalWidth, each.clientWidth])"
    page.wait(f"{widths}.every(([natural]) => natural > 0)")
    assert page.js(widths) == [[24, 24], [48, 48]]
    assert page.violations() == []
