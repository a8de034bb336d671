"""The examples of this repository: committed clean, built by `make assets`, and ready for a paid provider."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from reconciler.cli.main import run
from reconciler.core.lock.lockfile import loads
from reconciler.core.lock.lockfile import verify_recipe_keys as verify_keys

ROOT = Path(__file__).parents[1]
PARTS = ("reconciler.yaml", "assets.lock", "derived.lock", "specs", "refs", "assets")


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The examples as a fresh clone has them: without a store, a journal or an index."""
    for part in PARTS:
        source = ROOT / part
        if source.is_dir():
            shutil.copytree(source, tmp_path / part)
        else:
            shutil.copy(source, tmp_path / part)
    return tmp_path


def contents(root: Path) -> dict[str, tuple[bytes, int]]:
    """Every file but the tool's own, with when it was written."""
    found = (path for path in root.rglob("*") if path.is_file() and ".reconciler" not in path.parts)
    return {str(path.relative_to(root)): (path.read_bytes(), path.stat().st_mtime_ns) for path in found}


def plan(root: Path, capsys: pytest.CaptureFixture[str]) -> dict[str, object]:
    capsys.readouterr()
    assert run(["-C", str(root), "plan", "--format", "json"]) == 0
    made: dict[str, object] = json.loads(capsys.readouterr().out)
    return made


@pytest.mark.parametrize("command", [["check", "--strict"], ["apply", "--yes"]])
def test_a_fresh_clone_is_clean_whatever_pillow_draws(copy: Path, command: list[str]) -> None:
    """Nothing is written, and Pillow, whose next version may draw other bytes, is not even loaded."""
    before = contents(copy)
    program = (
        "import sys; from reconciler.cli.main import run; "
        "code = run(sys.argv[1:]); sys.exit(code or 'PIL' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, "-C", str(copy), *command], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, "nothing to do: 16 assets and 16 derived files up to date\n"), (
        done.stderr
    )
    assert contents(copy) == before


def test_everything_is_drawn_from_nothing(copy: Path) -> None:
    shutil.rmtree(copy / "assets")
    (copy / "assets.lock").unlink()
    (copy / "derived.lock").unlink()
    assert run(["-C", str(copy), "apply", "--yes"]) == 0
    assert contents(copy).keys() == _names(ROOT)
    assert run(["-C", str(copy), "check", "--strict"]) == 0


def _names(root: Path) -> set[str]:
    files = (
        path for part in PARTS for path in ((root / part).rglob("*") if (root / part).is_dir() else (root / part,))
    )
    return {str(path.relative_to(root)) for path in files if path.is_file()}


def test_another_provider_is_one_line_and_its_price_is_known_before(
    copy: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    project = copy / "reconciler.yaml"
    text = project.read_text()
    assert text.count("\nprovider: draft\n") == 1
    project.write_text(text.replace("\nprovider: draft\n", "\nprovider: gravitex\n"))
    made = plan(copy, capsys)
    steps = made["steps"]
    assert isinstance(steps, list)
    assert len(steps) == 16
    assert {step["reason"] for step in steps} == {"Placeholder"}
    assert made["cost"] == {"amounts": ["0.696 USD"], "unknown": 0}


def test_they_show_what_the_tool_is_for() -> None:
    lock = loads((ROOT / "assets.lock").read_text(), file="assets.lock", content_of=lambda _: None)
    verify_keys(lock)
    recipes = [entry.recipe for entry in lock.entries.values()]
    assert len(recipes) >= 12
    assert {entry.image.format for entry in lock.entries.values()} == {"png", "jpeg", "webp"}
    assert {recipe.get("size") for recipe in recipes} >= {"1:1", "4:3", "16:9", "1536x1024"}
    assert len({recipe["model"] for recipe in recipes}) > 1
    mascot = lock.entries["site/mascot"]  # type: ignore[index]  # an id as a person writes it
    photo = "sha256:" + _sha256(ROOT / "refs" / "headland.jpg")
    references: list[Any] = [recipe.get("references", ()) for recipe in recipes]
    assert sum(mascot.content in pictures for pictures in references) == 6
    assert sum(photo in pictures for pictures in references) == 1
    for entry in lock.entries.values():
        with Image.open(ROOT / entry.output) as picture:
            picture.load()
            assert (picture.width, picture.height) == (entry.image.width, entry.image.height)
            opaque = picture.convert("RGBA").getchannel("A").getextrema()[0] == 255
            assert opaque == (entry.output != "assets/site/sticker.png")


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_editors_find_the_schema_that_each_file_names() -> None:
    files = [ROOT / "reconciler.yaml", *(ROOT / "specs").rglob("*.yaml")]
    for file in files:
        match = re.match(r"# yaml-language-server: \$schema=(\S+)\n", file.read_text())
        assert match, file
        schema = (file.parent / match[1]).resolve()
        kinds = {"_styles", "_defaults", "_derive", "_bundles"}
        kind = "project" if file.stem == "reconciler" else file.stem[1:] if file.stem in kinds else "spec"
        assert schema == ROOT / "schemas" / f"{kind}.schema.json"
