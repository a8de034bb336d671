"""Draw docs/plan.svg from what `reconciler plan` prints: run `python -m tests.plan_picture` when its words change."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import textwrap
from html import escape
from pathlib import Path

ROOT = Path(__file__).parents[1]
PICTURE = ROOT / "docs" / "plan.svg"
COLUMNS = 104
_CHARACTER, _LINE, _MARGIN, _FONT = 8.43, 20, 24, 14


def reconciler(root: Path, *arguments: str) -> str:
    """What a command prints on stdout; it must not fail."""
    program = (sys.executable, "-c", "from reconciler.cli.entry_point import entry; entry()", "-C", str(root))
    done = subprocess.run([*program, *arguments], capture_output=True, text=True, check=True)
    return done.stdout


def edit(file: Path, old: str, new: str) -> None:
    """Replace words that must be there."""
    text = file.read_text()
    assert old in text, (file, old)
    file.write_text(text.replace(old, new))


def planned() -> list[str]:
    """A day's work on the examples, as the plan tells it."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "saltlight"
        root.mkdir()
        for part in ("specs", "refs", "assets"):
            shutil.copytree(ROOT / part, root / part)
        shutil.copy(ROOT / "reconciler.yaml", root)
        edit(root / "reconciler.yaml", "\nprovider: draft", "\nprovider: gravitex")
        reconciler(root, "adopt", "*", "--yes", "--generated")  # without a lockfile nobody knows that these are drafts
        edit(root / "specs/site/hero.yaml", "calm and dark", "calm and empty")
        edit(root / "specs/game/items.yaml", "  exclude:\n    - {rarity: legendary, item: harpoon}\n", "")
        (root / "assets/site/cards/keep.png").unlink()
        (root / "specs/site/sticker.yaml").rename(root / "specs/site/cutout.yaml")
        shutil.copy(root / "assets/game/logbook.png", root / "assets/site/avatar.webp")  # a person was here
        return reconciler(root, "plan").splitlines()


def wrapped(lines: list[str]) -> list[str]:
    """Lines that fit, broken between words."""
    return [row for line in lines for row in textwrap.wrap(line, COLUMNS, subsequent_indent=" " * 10) or [""]]


def svg(lines: list[str]) -> str:
    """A terminal with these lines."""
    rows = wrapped(["$ reconciler plan", *lines])
    width, height = round(2 * _MARGIN + COLUMNS * _CHARACTER), 2 * _MARGIN + _LINE * len(rows)
    texts = "\n".join(
        f'  <text x="{_MARGIN}" y="{_MARGIN + _LINE * index + _FONT}" xml:space="preserve">{escape(row)}</text>'
        for index, row in enumerate(rows)
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" '
        'role="img" aria-label="a plan">\n'
        f'  <rect width="{width}" height="{height}" rx="8" fill="#14202b"/>\n'
        f'  <g fill="#e6e1d6" font-size="{_FONT}" '
        "font-family=\"ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace\">\n"
        f"{texts}\n  </g>\n</svg>\n"
    )


if __name__ == "__main__":
    PICTURE.write_text(svg(planned()))
