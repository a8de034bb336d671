"""Make masters for derived files, and the projects that derive from them.

`python -m benchmarks.masters ladder FOLDER COUNT` makes PNGs of 2048x1152 that compress as paintings do, each another
one; `small` makes them of 256x144; `lines FOLDER ASSETS` writes a project of ASSETS whose nine derived files each are
there already. A process of its own, so that the one that times others stays small.
"""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.places import DATA, PYTHON, RECONCILER, REPOSITORY
from benchmarks.projects import name, write_project
from benchmarks.timing import clean_environment

if TYPE_CHECKING:
    from PIL import Image

FORM = "1"
"""Raise it when what is generated changes: older folders are then made anew."""
SIZES = {"ladder": (2048, 1152), "small": (256, 144)}
WIDTHS = (640, 1280, 1920)
QUALITY = {"avif": 55, "webp": 78, "jpeg": 80}
_RULE = """web:
  widths: {widths}
  formats: {formats}
  quality: {{avif: 55, webp: 78, jpeg: 80}}
  output: public/img/${{id}}-${{width}}.${{ext}}
"""


def masters_project(kind: str, count: int) -> Path:
    """A project with so many masters, locked, and a rule that nothing was derived by; made if there is none."""
    return _made(kind, count)


def lines_project(assets: int) -> Path:
    """A project with nine derived files for each asset, all there; made if there is none."""
    return _made("lines", assets)


def _made(kind: str, count: int) -> Path:
    root = DATA / f"derived-{kind}-{count}"
    stamp = root / ".reconciler" / "made"
    if not stamp.exists() or stamp.read_text() != FORM:
        shutil.rmtree(root, ignore_errors=True)
        subprocess.run([PYTHON, "-m", "benchmarks.masters", kind, str(root), str(count)], cwd=REPOSITORY, check=True)
        stamp.write_text(FORM)
    return root


def rule(widths: tuple[int, ...], formats: tuple[str, ...]) -> str:
    """The text of `specs/_derive.yaml`."""
    return _RULE.format(widths=[*widths], formats=f"[{', '.join(formats)}]")


def forget(root: Path) -> None:
    """Nothing is derived: no files, and no lock of them."""
    shutil.rmtree(root / "public", ignore_errors=True)
    for path in (root / "derived.lock", *(root / ".reconciler").glob("deriv*")):
        path.unlink(missing_ok=True)


def _masters(root: Path, kind: str, count: int) -> None:
    size = SIZES[kind]
    for folder in ("specs", "assets"):
        (root / folder).mkdir(parents=True)
    (root / "reconciler.yaml").write_text("provider: draft\n")
    (root / "specs/_defaults.yaml").write_text("derive: [web]\n")
    (root / "specs/_derive.yaml").write_text(rule(WIDTHS if kind == "ladder" else (64,), tuple(QUALITY)))
    for number in range(count):
        (root / f"specs/m{number:04d}.yaml").write_text(f"prompt: Master {number}\nsize: {size[0]}x{size[1]}\n")
        _painted(number, size).save(root / f"assets/m{number:04d}.png", compress_level=3)
    adopt = [RECONCILER, "adopt", "*", "--yes", "--generated"]
    subprocess.run(adopt, cwd=root, env=clean_environment(), check=True, stdout=subprocess.DEVNULL)


def _painted(number: int, size: tuple[int, int]) -> Image.Image:
    """Soft fields of colour with grain and edges."""
    from PIL import Image, ImageChops, ImageDraw

    chance = random.Random(number)
    bands = [
        Image.frombytes("L", (16, 9), chance.randbytes(144)).resize(size, Image.Resampling.BICUBIC) for _ in range(3)
    ]
    image = Image.merge("RGB", bands)
    draw = ImageDraw.Draw(image)
    for _ in range(60):
        x, y, side = chance.randrange(size[0]), chance.randrange(size[1]), chance.randrange(8, size[0] // 8)
        colour = (chance.randrange(256), chance.randrange(256), chance.randrange(256))
        draw.ellipse((x, y, x + side, y + side // 2), fill=colour, outline="black")
    grain = Image.effect_noise(size, 18)
    return ImageChops.overlay(image, Image.merge("RGB", (grain, grain, grain)))


def _lines(root: Path, assets: int) -> None:
    from reconciler.core.derived.derived_lock import DerivedLine, dump_derived
    from reconciler.core.digest import content_hash
    from reconciler.project.derive import DeriveOptions, derive_plan
    from reconciler.project.workspace import Workspace

    write_project(root, assets, 200)
    (root / "specs/_defaults.yaml").write_text("derive: [web]\n")
    (root / "specs/_derive.yaml").write_text(rule(WIDTHS, tuple(QUALITY)))
    os.environ["RECONCILER_MAX_ASSETS"] = "1000000"
    state, _ = derive_plan(Workspace(root, strict=True), DeriveOptions())
    sets: dict[str, dict[str, DerivedLine]] = {}
    filling = os.urandom(64)
    for step in state.plan.steps:
        for number, file in enumerate(step.files):
            assert file.key is not None
            data = f"{step.name} {number} ".encode() + filling
            path = root / file.path
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
            line = DerivedLine(file.key, content_hash(data), len(data), "1 pillow 13.0.0", 640, 360)
            sets.setdefault(step.name, {})[file.path] = line
    (root / "derived.lock").write_text(dump_derived(sets))


def derived_outputs(number: int) -> list[str]:
    """The derived files of an asset of `lines_project`."""
    return [f"public/img/{name(number)}-{width}.{ext}" for width in WIDTHS for ext in ("avif", "webp", "jpg")]


if __name__ == "__main__":
    if sys.argv[1] == "lines":
        _lines(Path(sys.argv[2]), int(sys.argv[3]))
    else:
        _masters(Path(sys.argv[2]), sys.argv[1], int(sys.argv[3]))
