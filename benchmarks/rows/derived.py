"""Derived files: a ladder beside a bare Pillow loop and sharp, a new width, the warm check, an atlas, memory."""

from __future__ import annotations

import random
import subprocess
import time
from pathlib import Path

from benchmarks import peers
from benchmarks.masters import QUALITY, forget, lines_project, masters_project, rule
from benchmarks.places import DATA, PEERS, PYTHON, RECONCILER, REPOSITORY, peer
from benchmarks.rows import ours
from benchmarks.table import Claim, Row, ratio
from benchmarks.timing import Contestant, Failed, figure, interleaved, run_once

SPRITES = 1_000
_SHARP = PEERS.parent / "node_modules"


def ladder(masters: int, *, runs: int) -> Row:
    """Three widths in three formats, on all cores."""
    root = masters_project("ladder", masters)
    out = DATA / "derived-out"
    contestants = [
        Contestant("reconciler derive", (RECONCILER, "derive"), root, before=lambda: forget(root)),
        Contestant("bare Pillow loop", (PYTHON, "-m", "benchmarks.ladder", str(root / "assets"), str(out)), REPOSITORY),
    ]
    node = peer("node")
    if node and (_SHARP / "sharp").is_dir():
        script = str(REPOSITORY / "benchmarks/ladder.mjs")
        contestants.append(Contestant("sharp", (node, script, str(_SHARP), str(root / "assets"), str(out)), REPOSITORY))
    figures = interleaved(contestants, runs=runs, warm_up=0)
    derive, bare, *rest = figures
    claims = [Claim("bare Pillow loop / derive", bare.wall / derive.wall, 0.9, "least")]
    claims += [ratio("derive / sharp", derive, sharp, 1.3) for sharp in rest]
    claims.append(Claim("CPU: derive / bare Pillow loop", derive.cpu / bare.cpu, kind="told"))
    notes = () if rest else ("sharp is not installed: `make bench` installs it where npm is",)
    title = f"`derive`: {masters} masters of 2048x1152 into 3 widths x (AVIF, WebP, JPEG)"
    return Row(title, figures, claims, notes)


def one_more_width(assets: int) -> Row:
    """One more width for every asset: the files that are there are not made again."""
    root = masters_project("small", assets)
    forget(root)
    rules = root / "specs/_derive.yaml"
    rules.write_text(rule((64,), tuple(QUALITY)))
    run_once(Contestant("derive", (RECONCILER, "derive"), root))
    before = _files(root)
    rules.write_text(rule((64, 96), tuple(QUALITY)))
    stale = subprocess.run([RECONCILER, "plan"], cwd=root, capture_output=True, text=True, check=False).stdout
    first = run_once(Contestant("derive", (RECONCILER, "derive"), root))
    after = _files(root)
    second = run_once(Contestant("derive", (RECONCILER, "derive"), root))
    if f"{assets:,} assets up to date" not in stale:
        raise Failed(f"a new width made assets stale: {stale[-300:]}")
    again = _files(root)
    touched = sum(again.get(path) != seen for path, seen in after.items())
    changed = sum(after.get(path) != seen for path, seen in before.items())
    claims = (
        Claim("files that are new", len(after) - len(before), 3 * assets, "least", ""),
        Claim("files made again", changed, 0, unit=""),
        Claim("files that the second run touches", touched, 0, unit=""),
    )
    figures = (figure("derive, one more width", [first]), figure("derive again", [second]))
    return Row(f"A new width for {assets:,} assets", figures, claims)


def _files(root: Path) -> dict[Path, tuple[int, int]]:
    """The derived files, and whether they are still the same."""
    return {path: (path.stat().st_mtime_ns, path.stat().st_ino) for path in (root / "public").rglob("*.*")}


def warm_check(assets: int) -> Row:
    """Nothing has changed: one look at each file."""
    root = lines_project(assets)
    rival = peers.with_derived(root, assets)
    check, *rest = interleaved([ours.warm_check(root), *([rival] if rival else [])], runs=11)
    claims = tuple(ratio("check / ninja -n", check, one, 1.2) for one in rest)
    return Row(f"`check`, warm index, {assets:,} assets and {9 * assets:,} derived files", (check, *rest), claims)


def atlas() -> Row:
    """The layout alone, in this process: the best of five."""
    from reconciler.core.derived.atlas_packing import AtlasSettings, Layout, Sprite, pack_atlas

    settings = AtlasSettings(4096, 4096)
    chance = random.Random(7)
    mixed = [(chance.randint(48, 80), chance.randint(48, 80)) for _ in range(SPRITES)]
    claims: list[Claim] = []
    for title, sizes in (("64x64", [(64, 64)] * SPRITES), ("48 to 80", mixed)):
        sprites = [Sprite(f"s{number}", *size) for number, size in enumerate(sizes)]
        best = float("inf")
        for _ in range(5):
            began = time.perf_counter()
            layout = pack_atlas(sprites, settings)
            best = min(best, time.perf_counter() - began)
        assert isinstance(layout, Layout)
        around = settings.padding + 2 * settings.extrude
        cells = sum((one.width + around) * (one.height + around) for one in sprites)
        page = sum((width + settings.padding) * (height + settings.padding) for width, height in layout.pages)
        more = pack_atlas([*sprites, Sprite("new", 64, 64)], settings, layout.placements)
        assert isinstance(more, Layout)
        moved = len(set(layout.placements) - set(more.placements))
        claims += [
            Claim(f"packing {SPRITES:,} sprites, {title} pixels", 1000 * best, 50, unit=" ms"),
            Claim(f"part of the page that cells fill, {title}", 100 * cells / page, 95, "least", " %"),
            Claim(f"sprites that one more moves, {title}", moved, 0, unit=""),
        ]
    return Row(f"Packing an atlas of {SPRITES:,} sprites", (), claims, ("a cell is a sprite with its rim and padding",))


def memory() -> Row:
    """What one process takes beside its libraries, by the size of its decoded master."""
    root = masters_project("ladder", 8)
    path = str(root / "assets/m0000.png")

    def peak(width: int, *formats: str) -> float:
        command = [PYTHON, "-m", "benchmarks.decoding", path, str(width), *formats]
        done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=True)
        return float(done.stdout)

    claims = (
        Claim("peak memory of pixels, one file of 640", peak(640, "png"), 2, unit=" masters"),
        Claim("the same with the encoder of a WebP of 1920", peak(1920, "webp"), kind="told", unit=" masters"),
        Claim("the same with the encoder of an AVIF of 1920", peak(1920, "avif"), kind="told", unit=" masters"),
    )
    return Row("Memory of a deriving process, master of 2048x1152", (), claims)
