"""Make projects of any number of assets in seconds: specs, outputs and a lockfile that says all is up to date.

`python -m benchmarks.projects FOLDER ASSETS BYTES` makes one: specs of about 540 bytes, outputs of BYTES. A process of
its own, so that the one that times others stays small: a child's peak memory is never less than its parent's was.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

from benchmarks.places import DATA, PYTHON, REPOSITORY

FORM = "5"
"""Raise it when what is generated changes: older folders are then made anew."""
_DETAIL = "Detail matters: rope, lichen, rust. " * 5
_FOLDER = 100


def prompt(number: int, mood: str = "calm") -> str:
    """The words of one asset."""
    return (
        f"A lighthouse number {number} at dusk on a basalt cliff, {mood} sea, long exposure, painted in gouache with "
        "visible strokes, a warm lamp in the upper window and gulls circling; wide shot, low horizon, storm clouds "
        f"far away. {_DETAIL}"
    )


def spec_text(number: int, mood: str = "calm") -> str:
    """About 540 bytes of YAML, as people write it."""
    return (
        f"# spec {number}\nprompt: |\n  {prompt(number, mood)}\nmodel: gemini-2.5-flash-image\n"
        f'size: "16:9"\nimage_size: 1K\nquality: high\ntags: [web, bench]\nparams: {{seed: {number}}}\n'
    )


def name(number: int) -> str:
    """The id of an asset: a hundred in each folder."""
    return f"d{number // _FOLDER:04d}/a{number % _FOLDER:03d}"


def spec(number: int) -> str:
    """The spec's path below the project."""
    return f"specs/{name(number)}.yaml"


def output(number: int) -> str:
    """The output's path below the project."""
    return f"assets/{name(number)}.png"


def project(assets: int, *, size: int = 200, kind: str = "project") -> Path:
    """A folder with such a project, made if there is none. Rows that change it ask for a `kind` of their own."""
    root = DATA / f"{kind}-{assets}-{size}"
    stamp = root / ".reconciler" / "made"
    if not stamp.exists() or stamp.read_text() != FORM:
        shutil.rmtree(root, ignore_errors=True)
        command = [PYTHON, "-m", "benchmarks.projects", str(root), str(assets), str(size)]
        subprocess.run(command, cwd=REPOSITORY, check=True)
        stamp.write_text(FORM)
    return root


def write_specs(root: Path, assets: int) -> None:
    """The specs alone: everything is still to be made."""
    for number in range(assets):
        path = root / spec(number)
        if number % _FOLDER == 0:
            path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(spec_text(number))


def change(root: Path, turn: int) -> None:
    """Give one spec words that it never had before."""
    (root / spec(7)).write_text(spec_text(7, mood=f"the {turn}th wave of the"))


def restore(root: Path) -> None:
    """Take that change back, and let it grow older than what an index distrusts."""
    if (root / spec(7)).read_text() != spec_text(7):
        (root / spec(7)).write_text(spec_text(7))
        time.sleep(2.5)


def write_project(root: Path, assets: int, size: int) -> None:
    """Specs, outputs of `size` bytes and their lockfile."""
    from reconciler.core.digest import AssetId, content_hash
    from reconciler.core.images.sniff import ImageFacts
    from reconciler.core.lock.lockfile import Lock, LockEntry, Made, dumps
    from reconciler.core.recipe import Recipe

    (root / ".reconciler").mkdir(parents=True)
    (root / ".reconciler/.gitignore").write_text("*\n")
    (root / "reconciler.yaml").write_text(f"provider: draft\nlimits: {{assets: {assets + 10}}}\n")
    write_specs(root, assets)
    made = Made("gravitex", "2026-11-22T00:00:00Z", "gemini-2.5-flash-image", "request", "0.039 USD")
    filling = os.urandom(max(0, size - 16))
    entries = {}
    for number in range(assets):
        path = root / output(number)
        if number % _FOLDER == 0:
            path.parent.mkdir(parents=True)
        data = b"\x89PNG\r\n\x1a\n%08d" % number + filling
        path.write_bytes(data)
        recipe = Recipe(
            prompt(number), model="gemini-2.5-flash-image", size="16:9", image_size="1K", quality="high",
            params={"seed": number},
        )  # fmt: skip
        facts = ImageFacts("png", 1344, 768, len(data))
        entries[AssetId(name(number))] = LockEntry(
            output(number), content_hash(data), facts, recipe.key(), recipe.manifest(), made
        )
    (root / "assets.lock").write_text(dumps(Lock(entries)))


if __name__ == "__main__":
    write_project(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
