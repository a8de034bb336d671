"""Take the picture of the gallery for README.md: `make pictures` runs this, when the page looks different."""

from __future__ import annotations

import io
import shutil
import tempfile
from pathlib import Path

from PIL import Image, ImageDraw, ImageFilter

from reconciler.core.reviews.verdict import Judgement
from reconciler.project.judge import Reviewer, WantedJudgement, judge, judgeable
from reconciler.project.load import load_specs
from reconciler.project.options import Selection
from reconciler.project.planning import plan_project
from reconciler.project.workspace import open_workspace
from tests.browser.browser import Browser, missing
from tests.browser.pages import done, git

ROOT = Path(__file__).parents[2]
PICTURE = ROOT / "docs" / "gallery.png"
WIDTH, HEIGHT = 1400, 800
_DUSK = ((38, 66, 92), (52, 58, 78), (22, 26, 38))
_DAWN = ((84, 132, 150), (96, 104, 122), (44, 50, 62))
"""The colours of the sea, the far coast and the near one."""
READY = "document.documentElement.dataset.ready === 'true'"
LOADED = "[...document.querySelectorAll('#stage img')].every((each) => each.complete && each.naturalWidth > 0)"


def project(root: Path) -> None:
    """The examples, as if a model had made them; some are approved, and the hero has another light than in HEAD."""
    for part in ("specs", "refs", "assets"):
        shutil.copytree(ROOT / part, root / part)
    settings = (ROOT / "reconciler.yaml").read_text()
    (root / "reconciler.yaml").write_text(settings.replace("\nprovider: draft", "\nprovider: gravitex"))
    hero(root / "assets/site/hero.jpg", dawn=False)
    done(root, "adopt", "*", "--yes", "--generated", "--model", "gemini-3-pro-image")
    git(root, "init", "-q", "-b", "main", ".")
    git(root, "add", "-A")
    git(root, "commit", "-qm", "all")
    spec = root / "specs/site/hero.yaml"
    spec.write_text(spec.read_text().replace("calm and dark", "calm and pale"))
    hero(root / "assets/site/hero.jpg", dawn=True)
    done(root, "adopt", "site/hero", "--yes", "--generated", "--model", "gemini-3-pro-image")
    judged(root, ("game/items*", "site/mascot", "game/logbook"), Judgement.APPROVE, "")
    judged(root, ("site/sticker",), Judgement.REJECT, "the outline is cut off")
    done(root, "gallery", "--against", "main", "-o", str(root / "gallery.html"))


def hero(file: Path, *, dawn: bool) -> None:
    """A drawing of a headland with a lighthouse, at dusk or at dawn."""
    width, height = 1360, 768
    upper, lower = ((120, 158, 198), (255, 214, 150)) if dawn else ((46, 60, 96), (236, 142, 98))
    image = Image.composite(
        Image.new("RGB", (width, height), lower),
        Image.new("RGB", (width, height), upper),
        Image.linear_gradient("L").resize((width, 470)).resize((width, height), box=(0, 0, width, 470)),
    )
    ImageDraw.Draw(image).ellipse((1010, 395, 1090, 475) if dawn else (220, 420, 290, 490), fill=(255, 236, 190))
    image = image.filter(ImageFilter.GaussianBlur(6))
    draw = ImageDraw.Draw(image)
    sea, far, near = _DAWN if dawn else _DUSK
    draw.rectangle((0, 470, width, height), fill=sea)
    light = (sea[0] + 18, sea[1] + 18, sea[2] + 18)
    for step in range(14):
        y = 482 + step * step * 1.4
        draw.line((width * 0.1 + step * 9, y, width * 0.62 + step * 12, y), fill=light, width=2)
    draw.polygon(((620, 470), (800, 400), (1010, 372), (1200, 390), (1360, 360), (1360, 560), (700, 540)), fill=far)
    draw.polygon(((760, 768), (860, 560), (980, 470), (1120, 452), (1360, 430), (1360, 768)), fill=near)
    draw.polygon(((1076, 456), (1088, 250), (1128, 250), (1140, 456)), fill=(238, 232, 220))
    for top in (290, 372):
        draw.polygon(((1085, top), (1131, top), (1134, top + 40), (1082, top + 40)), fill=(186, 66, 52))
    draw.rectangle((1082, 236, 1134, 252), fill=near)
    draw.rectangle((1092, 208, 1124, 236), fill=(255, 226, 140))
    draw.polygon(((1086, 208), (1130, 208), (1108, 182)), fill=(186, 66, 52))
    if not dawn:
        beam = Image.new("L", (width, height), 0)
        ImageDraw.Draw(beam).polygon(((1100, 222), (0, 40), (0, 250)), fill=70)
        image.paste((255, 236, 180), mask=beam.filter(ImageFilter.GaussianBlur(14)))
    image.save(file, quality=92)


def judged(root: Path, patterns: tuple[str, ...], judgement: Judgement, note: str) -> None:
    """The verdict of a person on the images of some assets."""
    workspace = open_workspace(str(root), {})
    loaded = load_specs(workspace)
    planned = plan_project(workspace, loaded, Selection())
    reviewer = Reviewer(workspace, loaded.project.settings.review, by="ada@example.com")
    opinions, left = judgeable(workspace, planned, WantedJudgement(patterns, judgement, note))
    assert not left, left
    judge(reviewer, planned.reviews, opinions, consent=lambda _: True)


def take(file: Path) -> bytes:
    """The page with the changed image in the slider."""
    with Browser() as browser:
        page = browser.page(WIDTH, HEIGHT, motion="reduce")
        page.goto(f"{file.as_uri()}#site/hero").wait(READY)
        page.press("3")
        page.wait(LOADED)
        page.press("ArrowRight", "ArrowRight", "ArrowRight")
        page.js("new Promise((done) => setTimeout(done, 500))")
        shot = file.with_name("shot.png")
        page.screenshot(shot)
    small = io.BytesIO()
    with Image.open(shot) as image:
        image.convert("RGB").quantize(256, dither=Image.Dither.NONE).save(small, "png", optimize=True)
    return small.getvalue()


if __name__ == "__main__":
    lacking = missing()
    if lacking:
        raise SystemExit(f"no picture of the gallery: {lacking}; .ci/browser installs it")
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "saltlight"
        root.mkdir()
        project(root)
        PICTURE.write_bytes(take(root / "gallery.html"))
