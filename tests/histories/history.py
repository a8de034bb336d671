"""One random history: two branches of a project add, change, rename and remove images, and real git merges them."""

from __future__ import annotations

import random
import subprocess
from collections.abc import Callable
from pathlib import Path

from reconciler.core.digest import AssetId, content_hash
from reconciler.core.images.sniff import ImageFacts
from reconciler.core.lock.lockfile import Lock, LockEntry, Made, dumps
from reconciler.core.lock.parts import HEADER, part_texts
from reconciler.core.plan.actions import Keep
from reconciler.core.recipe import Recipe
from reconciler.core.value import value
from reconciler.project.load import load_specs
from reconciler.project.options import Selection
from reconciler.project.planning import plan_project
from reconciler.project.workspace import Workspace
from reconciler.store.worktree.git_config import git_settings

FOLDERS = ("icons", "icons/small", "tiles")
WORDS = (
    "axe",
    "bow",
    "cap",
    "dirk",
    "elm",
    "fan",
    "gem",
    "hat",
    "ink",
    "jar",
    "key",
    "lamp",
    "map",
    "net",
    "orb",
    "pin",
)
MODEL = "gemini-3-pro-image-preview"

World = dict[str, str]
"""The prompt of each asset by its id."""


@value
class Outcome:
    """What came of a merge. `conflict`: git left one in the lockfile. `wrong` says what is not as it should be."""

    conflict: bool
    wrong: tuple[str, ...]


class History:
    """A history drawn by `chance` in a folder of its own. `layout` is `file` or `spec`."""

    def __init__(self, root: Path, chance: random.Random, *, layout: str) -> None:
        self.root = root
        self.chance = chance
        self.layout = layout
        self.base: World = {}
        while len(self.base) < chance.randint(4, 14):
            self.base[self._name()] = self._prompt()
        pool = sorted(self.base)
        chance.shuffle(pool)
        self.shared = pool.pop() if chance.random() < 0.15 else None
        half = len(pool) // 2
        self.ours = self._branch(pool[:half], set())
        self.theirs = self._branch(pool[half:], set(self.ours))

    def _name(self) -> str:
        return f"{self.chance.choice(FOLDERS)}/{self.chance.choice(WORDS)}-{self.chance.randint(1, 4)}"

    def _prompt(self) -> str:
        return f"Picture {self.chance.randrange(10**6)} of {self.chance.choice(WORDS)}"

    def _branch(self, own: list[str], taken: set[str]) -> World:
        """The base after a few operations on the assets of this branch."""
        world = dict(self.base)
        for _ in range(self.chance.randint(1, 4)):
            operation = self.chance.choice(("add", "add", "add", "change", "rename", "remove"))
            name = self._name()
            if operation == "add" and name not in {*world, *taken, *self.base}:
                world[name] = self._prompt()
            elif own and operation == "change":
                world[own.pop()] = self._prompt()
            elif own and operation == "rename" and name not in {*world, *taken, *self.base}:
                world[name] = world.pop(own.pop())
            elif own and operation == "remove":
                del world[own.pop()]
        if self.shared is not None:
            world[self.shared] = self._prompt()
        return world

    def merged(self, *, driver: str = "") -> Outcome:
        """Merge the branches. `driver` is the program of the merge driver, "" for none."""
        self._git("init", "-q", "-b", "main", ".")
        if driver:
            for name, setting in git_settings(driver).items():
                self._git("config", name, setting)
            (self.root / ".gitattributes").write_text(
                "assets.lock merge=reconciler\nassets.lock.d/** merge=reconciler\n"
            )
        self._commit({}, self.base)
        self._git("checkout", "-q", "-b", "other")
        self._commit(self.base, self.theirs)
        self._git("checkout", "-q", "main")
        self._commit(self.base, self.ours)
        clean = subprocess.run(
            ["git", *_IDENTITY, *_MERGE, "merge", "-q", "other"], cwd=self.root, capture_output=True, check=False
        )
        texts = [self.root / "assets.lock", *(self.root / "assets.lock.d").rglob("*.lock")]
        conflict = any(b"\n<<<<<<<" in path.read_bytes() or path.read_bytes().startswith(b"<<<<<<<") for path in texts)
        if clean.returncode and self.shared is not None:
            self._git("checkout", "--theirs", "--", f"specs/{self.shared}.yaml", f"assets/{self.shared}.png")
        return Outcome(conflict and self.shared is None, tuple(self._wrong(conflict=conflict)))

    def _wrong(self, *, conflict: bool) -> list[str]:
        """What is not as the union of both branches says. A conflict may not show the base of a removed asset: it stays
        as an orphan, which costs nothing."""
        gone = (set(self.base) - set(self.ours)) | (set(self.base) - set(self.theirs))
        changed = {name: prompt for name, prompt in self.ours.items() if self.base.get(name) != prompt}
        wanted = {**self.base, **changed, **{n: p for n, p in self.theirs.items() if self.base.get(n) != p}}
        wanted = {name: prompt for name, prompt in wanted.items() if name not in gone}
        workspace = Workspace(self.root, strict=True)
        planned = plan_project(workspace, load_specs(workspace), Selection())
        wrong = [f"{step.asset}: {step.action}" for step in planned.plan.steps if not isinstance(step.action, Keep)]
        locked = {str(name): str(entry.recipe["prompt"]) for name, entry in planned.lock.entries.items()}
        lost = wanted.keys() - locked.keys()
        extra = locked.keys() - wanted.keys()
        if (
            lost
            or (extra and not conflict)
            or extra & planned.loaded.specs.keys()
            or any(locked[name] != prompt for name, prompt in wanted.items())
        ):
            wrong.append(f"locked {sorted(locked.items() ^ wanted.items())}")
        return wrong

    def _commit(self, before: World, world: World) -> None:
        """Write the files of a world, as after an apply, and commit them."""
        self._write("reconciler.yaml", f"provider: gravitex\ndefaults: {{model: {MODEL}}}\n")
        for name in before.keys() - world.keys():
            (self.root / f"specs/{name}.yaml").unlink()
            (self.root / f"assets/{name}.png").unlink()
        for name, prompt in world.items():
            if before.get(name) != prompt:
                self._write(f"specs/{name}.yaml", f"prompt: {prompt}\n")
                self._write(f"assets/{name}.png", _image(prompt))
        lock = Lock({AssetId(name): _entry(name, prompt) for name, prompt in sorted(world.items())})
        texts = {"assets.lock": dumps(lock)} if self.layout == "file" else {**part_texts(lock), "assets.lock": HEADER}
        for old in (self.root / "assets.lock.d").rglob("*.lock"):
            if str(old.relative_to(self.root)) not in texts:
                old.unlink()
        for name, text in texts.items():
            self._write(name, text)
        self._git("add", "-A")
        self._git("commit", "-q", "--allow-empty", "-m", "x")

    def _write(self, name: str, text: str | bytes) -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode() if isinstance(text, str) else text)

    def _git(self, *arguments: str) -> None:
        subprocess.run(["git", *_IDENTITY, *arguments], cwd=self.root, check=True, capture_output=True)


_IDENTITY = ("-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "core.fsync=none", "-c", "gc.auto=0")
_MERGE = ("-c", "merge.directoryRenames=false")
"""git would move a new spec into a folder to which the other branch has renamed all others: then it has another id."""


def _image(prompt: str) -> bytes:
    return b"\x89PNG\r\n\x1a\n" + prompt.encode()


def _entry(name: str, prompt: str) -> LockEntry:
    recipe = Recipe(prompt, model=MODEL)
    data = _image(prompt)
    made = Made("gravitex", "2026-11-22T16:00:00Z", cost="0.134 USD")
    facts = ImageFacts("png", 64, 48, len(data))
    return LockEntry(f"assets/{name}.png", content_hash(data), facts, recipe.key(), recipe.manifest(), made)


Way = Callable[[Path, random.Random], Outcome]


def ways(driver: str) -> dict[str, Way]:
    """The ways to merge, by name."""
    return {
        "one file, as text": lambda root, chance: History(root, chance, layout="file").merged(),
        "one file, with the driver": lambda root, chance: History(root, chance, layout="file").merged(driver=driver),
        "a file for each spec, as text": lambda root, chance: History(root, chance, layout="spec").merged(),
    }
