"""Draw pictures of terminals: docs/plan.svg, and those of `make pictures` in tests/pictures.py."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from html import escape
from pathlib import Path

from tests.screen import Run, Screen, shown

ROOT = Path(__file__).parents[1]
PICTURE = ROOT / "docs" / "plan.svg"
COLUMNS = 104
PROGRAM = (sys.executable, "-c", "from reconciler.cli.entry_point import entry; entry()")
_CHARACTER, _LINE, _MARGIN, _FONT = 8.43, 20, 24, 14
_COLOURS = {
    "31": "#f28b82", "32": "#8fd694", "33": "#f2cc60", "34": "#8ab4f8", "35": "#d7a6f5", "36": "#78d9ec",
}  # fmt: skip


def reconciler(root: Path, *arguments: str) -> str:
    """What a command prints on stdout; it must not fail."""
    done = subprocess.run([*PROGRAM, "-C", str(root), *arguments], capture_output=True, text=True, check=True)
    return done.stdout


def edit(file: Path, old: str, new: str) -> None:
    """Replace words that must be there."""
    text = file.read_text()
    assert old in text, (file, old)
    file.write_text(text.replace(old, new))


def planned() -> Screen:
    """A day's work on the examples, as the plan tells it."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "saltlight"
        root.mkdir()
        for part in ("specs", "refs", "assets"):
            shutil.copytree(ROOT / part, root / part, ignore=shutil.ignore_patterns("_derive.yaml", "_bundles.yaml"))
        edit(root / "specs/site/hero.yaml", "derive: [web]\n", "")
        shutil.copy(ROOT / "reconciler.yaml", root)
        edit(root / "reconciler.yaml", "\nprovider: draft", "\nprovider: gravitex")
        reconciler(root, "adopt", "*", "--yes", "--generated")  # without a lockfile nobody knows that these are drafts
        edit(root / "specs/site/hero.yaml", "calm and dark", "calm and empty")
        edit(root / "specs/game/items.yaml", "  exclude:\n    - {rarity: legendary, item: harpoon}\n", "")
        (root / "assets/site/cards/keep.png").unlink()
        (root / "specs/site/sticker.yaml").rename(root / "specs/site/cutout.yaml")
        shutil.copy(root / "assets/game/logbook.png", root / "assets/site/avatar.webp")  # a person was here
        return shown([*PROGRAM, "plan"], root, COLUMNS)


def svg(screen: Screen, command: str = "reconciler plan", *, label: str = "a plan") -> str:
    """A terminal that shows a command and its output."""
    rows = [[(f"$ {command}", "")], *screen.rows()]
    width, height = round(2 * _MARGIN + screen.columns * _CHARACTER), 2 * _MARGIN + _LINE * len(rows)
    heights = (_MARGIN + _LINE * index + _FONT for index in range(len(rows)))
    texts = "\n".join(
        f'  <text x="{_MARGIN}" y="{y}" xml:space="preserve">{"".join(map(_span, row))}</text>'
        for y, row in zip(heights, rows, strict=True)
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" '
        f'role="img" aria-label="{escape(label)}">\n'
        f'  <rect width="{width}" height="{height}" rx="8" fill="#14202b"/>\n'
        f'  <g fill="#e6e1d6" font-size="{_FONT}" '
        "font-family=\"ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace\">\n"
        f"{texts}\n  </g>\n</svg>\n"
    )


def _span(run: Run) -> str:
    text, style = run
    look = _look(style.split(";"))
    return f"<tspan{look}>{escape(text)}</tspan>" if look else escape(text)


def _look(codes: list[str]) -> str:
    bold = ' font-weight="bold"' if "1" in codes[:1] else ""
    if codes[:2] == ["38", "5"]:  # the bar of rich: done, or not yet
        return f'{bold} fill="{"#3b4b59" if codes[2] == "237" else "#8fd694"}"'
    colour = next((_COLOURS[code] for code in codes if code in _COLOURS), "")
    return f'{bold} fill="{colour}"' if colour else bold


if __name__ == "__main__":
    PICTURE.write_text(svg(planned()))
