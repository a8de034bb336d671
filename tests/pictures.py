"""Draw the output of commands on terminals of 60, 80 and 140 columns, with colours and without: `make pictures`.

All pictures go to build/pictures/; those that the documentation shows go to docs/pictures/, too.
"""

from __future__ import annotations

import shutil
import socket
import sys
import tempfile
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path

from reconciler.testing.gateway import Gateway, running
from tests.plan_picture import PROGRAM, ROOT, edit, reconciler, svg
from tests.screen import Screen, Session, shown

EVERY = ROOT / "build" / "pictures"
DOCS = ROOT / "docs" / "pictures"
IN_DOCS = ("changed-word", "over-budget", "conflicts", "applying")
"""The pictures that docs/commands.md shows, at 80 columns and in colour."""
WIDTHS = (60, 80, 140)
ICONS = 60
Look = dict[str, str]


def write_game(root: Path, url: str) -> None:
    """A project of 151 assets: icons from a matrix, spells in one file, tiles and portraits in files of their own."""
    provider = f"providers: {{gravitex: {{base_url: '{url}', api_key_env: GRAVITEX_API_KEY}}}}\n"
    text = f"provider: gravitex\ndefaults: {{model: gemini-2.5-flash-image, style: flat}}\n{provider}"
    files = {
        "reconciler.yaml": text,
        "specs/_styles.yaml": "flat: {prompt_suffix: painted in flat colours}\n",
        "specs/title.yaml": "prompt: The title screen at dusk\nsize: 16:9\n",
        "specs/icons/spells.yaml": "assets:\n" + "".join(f"  s{n:02}: {{prompt: Spell {n}}}\n" for n in range(30)),
        "specs/icons/items.yaml": "prompt: An icon of item ${n}\nmatrix:\n  n: ["
        + ", ".join(str(n) for n in range(100, 100 + ICONS))
        + "]\n",
        **{f"specs/tiles/t{n:02}.yaml": f"prompt: A tile of kind {n}\n" for n in range(40)},
        **{f"specs/portraits/p{n:02}.yaml": f"prompt: Portrait {n}\nsize: 3:4\n" for n in range(20)},
    }
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)


def lock_game(root: Path) -> None:
    """Let the game be up to date: its drafts, adopted as if a model had made them."""
    reconciler(root, "apply", "--draft", "--yes")
    (root / "assets.lock").unlink()
    shutil.rmtree(root / ".reconciler")  # it knows that these are drafts
    reconciler(root, "adopt", "*", "--yes", "--generated")


class Scenes:
    """Each public method is a picture: it gives the command, and the screens after it."""

    def __init__(self, folder: Path, gateway: Gateway) -> None:
        self._gateway = gateway
        self._new, self._locked = folder / "new", folder / "locked"
        write_game(self._new, gateway.url())
        write_game(self._locked, gateway.url())
        lock_game(self._locked)

    def first_plan(self, columns: int, look: Look) -> tuple[str, Screen]:
        """The plan of 151 new assets."""
        return self._shown(self._new, "plan", columns, look)

    def changed_word(self, columns: int, look: Look) -> tuple[str, Screen]:
        """One word of a style, and one of a prompt."""
        root = self._copy(self._locked)
        edit(root / "specs/_styles.yaml", "flat colours", "bold colours")
        edit(root / "specs/title.yaml", "dusk", "dawn")
        return self._shown(root, "plan", columns, look)

    def over_budget(self, columns: int, look: Look) -> tuple[str, Screen]:
        """A plan with a limit."""
        return self._shown(self._new, "plan --max-cost 2", columns, look)

    def offline(self, columns: int, look: Look) -> tuple[str, Screen]:
        """An apply at a port where nobody listens."""
        root = self._copy(self._new)
        with socket.socket() as unused:
            unused.bind(("127.0.0.1", 0))
            edit(root / "reconciler.yaml", self._gateway.url(), f"http://127.0.0.1:{unused.getsockname()[1]}")
            return self._shown(root, "apply --yes", columns, look)

    def conflicts(self, columns: int, look: Look) -> tuple[str, Screen]:
        """Five images that a person has edited."""
        root = self._copy(self._locked)
        for number in range(5):
            shutil.copy(root / "assets/title.png", root / f"assets/tiles/t0{number}.png")
        return self._shown(root, "plan", columns, look)

    def broken_default(self, columns: int, look: Look) -> tuple[str, Screen]:
        """A misspelt style in the defaults of 151 assets."""
        root = self._copy(self._new)
        edit(root / "reconciler.yaml", "style: flat", "style: flta")
        return self._shown(root, "validate", columns, look)

    def applying(self, columns: int, look: Look) -> tuple[str, Screen]:
        """An apply at work."""
        session = self._at_work(columns, look)
        screen = deepcopy(session.screen)
        session.press("\x03")
        session.end()
        return "reconciler apply", screen

    def interrupted(self, columns: int, look: Look) -> tuple[str, Screen]:
        """The same after Ctrl-C."""
        session = self._at_work(columns, look)
        session.press("\x03")
        session.end()
        return "reconciler apply", session.screen

    def _at_work(self, columns: int, look: Look) -> Session:
        environ = self._environ(look)
        session = Session([*PROGRAM, "apply"], self._copy(self._new), columns, environ)
        session.wait_for("[y/N]")
        session.press("y\n")
        session.wait_for(" left")
        return session

    def _shown(self, root: Path, command: str, columns: int, look: Look) -> tuple[str, Screen]:
        return f"reconciler {command}", shown([*PROGRAM, *command.split()], root, columns, **self._environ(look))

    def _environ(self, look: Look) -> Look:
        return {"GRAVITEX_API_KEY": self._gateway.key, **look}

    def _copy(self, root: Path) -> Path:
        return Path(shutil.copytree(root, Path(tempfile.mkdtemp(dir=root.parent)) / "game"))


def draw(names: list[str]) -> None:
    """Draw every picture, or those named."""
    EVERY.mkdir(parents=True, exist_ok=True)
    DOCS.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, running(delay=0.7, size=20_000) as gateway:
        scenes = Scenes(Path(folder), gateway)
        found: dict[str, Callable[[int, Look], tuple[str, Screen]]] = {
            name.replace("_", "-"): getattr(scenes, name) for name in vars(Scenes) if not name.startswith("_")
        }
        for name in names or found:
            for columns in WIDTHS:
                for kind, look in (("", {}), ("-plain", {"NO_COLOR": "1"})):
                    command, screen = found[name](columns, look)
                    picture = svg(screen, command, label=(found[name].__doc__ or name).rstrip("."))
                    (EVERY / f"{name}-{columns}{kind}.svg").write_text(picture)
                    (EVERY / f"{name}-{columns}{kind}.txt").write_text(f"{screen.text}\n")
                    if name in IN_DOCS and columns == 80 and not kind:
                        (DOCS / f"{name}.svg").write_text(picture)


if __name__ == "__main__":
    draw(sys.argv[1:])
