"""Projects and pages for the tests in a browser."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw

from reconciler.cli.main import run

Draw = Callable[[ImageDraw.ImageDraw], None]


def git(root: Path, *arguments: str) -> None:
    identity = ("-c", "user.name=t", "-c", "user.email=t@example.org")
    subprocess.run(["git", *identity, *arguments], cwd=root, check=True, capture_output=True)


def drawn(path: Path, colour: str, mark: tuple[int, int, int, int], size: tuple[int, int] = (400, 300)) -> None:
    """An image of one colour with a white box."""
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.new("RGB", size, colour)
    ImageDraw.Draw(image).rectangle(mark, fill="white")
    image.save(path)


def project(root: Path, specs: Mapping[str, Any], *, provider: str = "openai") -> Path:
    """A project of these specs, by id."""
    root.mkdir(parents=True, exist_ok=True)
    whole = {"provider": provider, "defaults": {"model": "gpt-image-1"}}
    (root / "reconciler.yaml").write_text(json.dumps(whole))
    for name, fields in specs.items():
        file = root / f"specs/{name}.yaml"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(fields))
    return root


def done(root: Path, *arguments: str) -> None:
    """A command that must succeed."""
    assert run(["-C", str(root), *arguments]) == 0


def compared(root: Path) -> Path:
    """The page of a project with two changed images, an unchanged one and a new one, against its only commit."""
    specs: dict[str, dict[str, Any]] = {
        "hero": {"prompt": "A lighthouse at dusk", "tags": ["ship", "site"], "description": "The first image"},
        "icons/sword": {"prompt": "A bronze sword", "tags": ["icons"]},
        "plain": {"prompt": "A wall"},
    }
    project(root, specs)
    drawn(root / "assets/hero.png", "navy", (20, 20, 120, 120))
    drawn(root / "assets/icons/sword.png", "teal", (20, 20, 60, 60), (64, 64))
    drawn(root / "assets/plain.png", "gray", (0, 0, 10, 10))
    done(root, "adopt", "*", "--yes", "--generated")
    git(root, "init", "-q", "-b", "main", ".")
    git(root, "add", "-A")
    git(root, "commit", "-qm", "all")
    (root / "specs/hero.yaml").write_text(json.dumps(specs["hero"] | {"prompt": "A lighthouse at dawn"}))
    (root / "specs/late.yaml").write_text(json.dumps({"prompt": "A late one"}))
    drawn(root / "assets/hero.png", "navy", (60, 20, 160, 120))
    drawn(root / "assets/icons/sword.png", "teal", (30, 20, 60, 60), (64, 64))
    drawn(root / "assets/late.png", "purple", (0, 0, 10, 10))
    done(root, "adopt", "*", "--yes", "--generated")
    done(root, "gallery", "--against", "main")
    return root / "gallery.html"
