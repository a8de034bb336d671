"""Derived files as their readers see them: Chromium chooses of a ladder, pixi.js draws an atlas, Vite builds a page."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageChops, ImageDraw

from tests.browser.browser import MODULES, Browser, Page
from tests.browser.conftest import whole_only
from tests.browser.pages import done, project
from tests.browser.sites import served
from tests.pages import ROOT, parts

DERIVE = """
web:
  widths: [320, 640, 960, 1280, 1920]
  formats: [avif, webp, jpeg]
  output: public/img/${name}-${width}.${ext}
sprite:
  ops: [resize: {size: 64x64}]
  densities: [1, 2]
  formats: [png]
  output: public/sprites/${name}${at}.png
"""
BUNDLES = """
icons:
  atlas: {from: "tag:icon", use: sprite, padding: 2, extrude: 1, output: public/atlas/icons}
app:
  icons: {from: sword, sets: [favicon, pwa, maskable], background: "#1b2430", output: public/icons}
images:
  manifest: {from: "tag:web", use: web, sizes: "(max-width: 60rem) 100vw, 60rem", output: public/images.json,
             html: public/snippets, url: public}
"""
SPRITES = ("potion", "shield", "sword")
PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Tide</title>
<style>body {{ margin: 0 }}</style>{head}{body}"""
BACKGROUND = (27, 36, 48)
CURRENT = "document.querySelector('img').currentSrc.split('/').pop()"
LOADED = "(({complete, naturalWidth}) => complete && naturalWidth > 0)(document.querySelector('img'))"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, browser: Browser) -> Path:
    """A project with a ladder, an atlas, icons and a manifest, all made."""
    root = tmp_path_factory.mktemp("derived") / "site"
    specs: dict[str, Any] = {"hero": {"prompt": "x", "derive": ["web"], "alt": "A harbour", "tags": ["web"]}}
    specs |= {name: {"prompt": "x", "tags": ["icon"]} for name in SPRITES}
    project(root, specs)
    (root / "specs/_derive.yaml").write_text(DERIVE)
    (root / "specs/_bundles.yaml").write_text(BUNDLES)
    (root / "assets").mkdir()
    Image.linear_gradient("L").resize((2048, 1152)).convert("RGB").save(root / "assets/hero.png")
    for number, name in enumerate(SPRITES):
        image = Image.new("RGBA", (256, 256))
        draw = ImageDraw.Draw(image)
        draw.ellipse((40 + 20 * number, 30, 200, 150 + 30 * number), fill=(200, 60 * number, 40, 255))
        draw.rectangle((90, 100, 120, 240 - 40 * number), fill=(240, 220, 90, 160))
        image.save(root / f"assets/{name}.png")
    done(root, "adopt", "*", "--yes", "--generated")
    done(root, "derive")
    done(root, "check")
    head, body = ((root / f"public/{name}.html").read_text() for name in ("icons/icons", "snippets/hero"))
    (root / "public/index.html").write_text(PAGE.format(head=head, body=body))
    return root


@pytest.fixture
def address(site: Path) -> Iterator[str]:
    with served(site / "public") as url:
        yield url


def block(page: str, kind: str) -> str:
    """The only block of its kind on a page of docs/tasks."""
    (found,) = (each for each in parts((ROOT / f"docs/tasks/{page}.md").read_text("utf-8")) if each.kind == kind)
    return found.text


SHOWN = {320: 320, 640: 640, 960: 960, 1400: 960}
"""The width of a page in CSS pixels, and that of the picture on it: 60rem at most."""


@pytest.mark.parametrize(
    ("viewport", "density"),
    [
        pytest.param(viewport, density, marks=[] if (viewport, density) == (1400, 2) else whole_only)
        for viewport in SHOWN
        for density in (1, 2)
    ],
)
def test_chromium_chooses_the_file_of_that_width_and_density(
    browser: Browser, address: str, viewport: int, density: int
) -> None:
    page = browser.page(viewport, density=density)
    page.goto(f"{address}/index.html").wait(LOADED)
    wanted = f"hero-{SHOWN[viewport] * density}.avif"
    assert page.js(CURRENT) == wanted
    asked = {url.rpartition("/")[2] for url in page.seen.requests if "/img/" in url}
    assert asked == {wanted}, "one file is loaded"
    assert page.seen.complaints == []
    page.close()


PIXI = """<!doctype html><html lang="en"><meta charset="utf-8"><style>body {{ margin: 0 }}</style>
<script type="importmap">{{"imports": {{"pixi.js": "./pixi.js"}}}}</script>
<script type="module">{code}
globalThis.sizes = app.stage.children.map(({{ width, height }}) => [width, height]);
</script>"""


@whole_only
@pytest.mark.parametrize("at", ["", "@2x"], ids=["1x", "2x"])
def test_pixi_draws_the_sprites_of_an_atlas_where_their_sources_have_them(
    browser: Browser, site: Path, address: str, tmp_path: Path, at: str
) -> None:
    """docs/tasks/game-icons.md has the code."""
    shutil.copyfile(MODULES / "node_modules/pixi.js/dist/pixi.min.mjs", site / "public/pixi.js")
    code = block("game-icons", "js pixi")
    assert '"atlas/icons.json"' in code
    name = f"pixi{len(at)}.html"
    (site / "public" / name).write_text(PIXI.format(code=code.replace("icons.json", f"icons{at}.json")))
    page = browser.page(192, 64)
    page.goto(f"{address}/{name}").wait("globalThis.sizes")
    assert page.js("sizes") == [[64, 64]] * 3, "without their transparent border, and with it again"
    page.js("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    with Image.open(page.screenshot(tmp_path / "pixi.png")) as shot:
        drawn = shot.convert("RGB")
    expected = Image.new("RGB", (192, 64), BACKGROUND)
    for number, sprite in enumerate(SPRITES):
        with Image.open(site / f"assets/{sprite}.png") as master:
            small = master.resize((64, 64), Image.Resampling.LANCZOS)
        expected.paste(small, (64 * number, 0), small)
    difference = ImageChops.difference(drawn, expected)
    allowed = 6 if not at else 70  # at density 2 the edges are averaged from four pixels
    assert max(most for _, most in difference.getextrema()) <= allowed  # type: ignore[misc]  # three bands
    far = sum(difference.convert("L").histogram()[7:])
    assert far <= 192 * 64 // 50
    page.close()


def test_every_icon_of_the_manifest_decodes(page: Page, site: Path, address: str) -> None:
    document = json.loads((site / "public/icons/icons.webmanifest").read_text())
    icons = {icon["src"]: icon["sizes"] for icon in document["icons"]} | {"favicon.ico": "48x48"}
    images = "".join(f'<img alt="" src="icons/{name}">' for name in icons)
    (site / "public/icons.html").write_text(f'<!doctype html><html lang="en"><meta charset="utf-8">{images}')
    page.goto(f"{address}/icons.html")
    sizes = "[...document.images].map(({naturalWidth, naturalHeight}) => `${naturalWidth}x${naturalHeight}`)"
    assert page.js(sizes) == list(icons.values())


@whole_only
def test_the_vite_example_of_the_docs_builds_a_page(page: Page, site: Path, tmp_path: Path) -> None:
    """docs/tasks/website.md: its configuration is at most 30 lines."""
    config, html = block("website", "js vite"), block("website", "html vite")
    assert config.count("\n") <= 30
    root = tmp_path / "page"
    root.mkdir()
    (root / "vite.config.js").write_text(config)
    (root / "index.html").write_text(html)
    shutil.copytree(site / "public", root / "public")
    (root / "node_modules").symlink_to(MODULES / "node_modules")
    built = subprocess.run(
        ["node", "node_modules/vite/bin/vite.js", "build"], cwd=root, capture_output=True, text=True, check=False
    )
    assert built.returncode == 0, built.stderr
    with served(root / "dist") as url:
        page.goto(url).wait(LOADED)
        assert page.js(CURRENT) == "hero-960.avif"
        assert page.js("document.querySelector('img').alt") == "A harbour"
        assert page.js("document.querySelector('img').width") == 1920
        assert page.js("document.querySelector('figcaption').innerText") == "Generated with AI"
