"""Random small projects and random edits of them, for tests that hold one planner against another."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from reconciler.core.digest import AssetId, RecipeKey
from reconciler.core.events import Requested
from reconciler.core.lock.lockfile import Answer, dumps, loads
from reconciler.core.value import replace
from tests.cli.conftest import Scratch, picture

WORDS = ("sky", "sea", "hill", "fox", "oak")
AT = "2026-01-01T00:00:00Z"
KNOWN_MODEL, UNKNOWN_MODEL = "gemini-2.5-flash-image", "house-model-1"
Spec = dict[str, Any]

FEATURES: dict[str, Callable[[random.Random], Spec]] = {
    "draft": lambda _: {},
    "paid": lambda _: {"provider": "gravitex", "model": KNOWN_MODEL},
    "unknown model": lambda _: {"provider": "gravitex", "model": UNKNOWN_MODEL},
    "freeze": lambda _: {"freeze": True},
    "ignore prompt": lambda _: {"ignore_changes": ["prompt"]},
    "ignore take": lambda _: {"ignore_changes": ["take", "prompt"]},
    "style": lambda chance: {"style": chance.choice([["flat"], ["bold"], ["flat", "bold"]])},
    "tags": lambda chance: {"tags": chance.sample(WORDS, 2)},
    "file": lambda chance: {"references": [chance.choice(["refs/one.png", "refs/two.png"])]},
    "two files": lambda _: {"references": ["refs/one.png", "refs/two.png"]},
    "asset": lambda chance: {"references": [{"asset": chance.choice(["n0", "n1"])}]},
    "output of an asset": lambda _: {"references": ["assets/n0.png"]},
    "take": lambda chance: {"take": chance.randint(2, 4)},
    "quality": lambda _: {"quality": "high"},
    "description": lambda chance: {"description": chance.choice(WORDS)},
    "output": lambda chance: {"output": f"assets/moved-{chance.choice(WORDS)}.png"},
    "vars": lambda chance: {"prompt": "the ${x}", "vars": {"x": chance.choice(WORDS)}},
}
"""What a spec can say, besides its words."""

PROJECTS: tuple[dict[str, Any], ...] = (
    {},
    {"budget": {"per_run": 0.2}},
    {"budget": {"per_asset": 0.01}},
    {"budget": {"images": 1}},
    {"budget": {"per_run": 5, "currency": "EUR"}},
    {"cascade": "ignore"},
    {"defaults": {"quality": "high"}},
    {"defaults": {"style": ["flat"]}},
    {"defaults": {"ignore_changes": ["take"]}},
    {"models": {UNKNOWN_MODEL: {"prices": {"": "0.5"}, "currency": "USD"}}},
)
"""What a project file can say, besides its provider."""


def a_spec(chance: random.Random, *, features: int = 2) -> tuple[Spec, frozenset[str]]:
    """A valid spec in most cases, and the names of its features."""
    chosen = chance.sample(list(FEATURES), chance.randint(0, features))
    spec: Spec = {"prompt": f"{chance.choice(WORDS)} {chance.random()}", "size": "1:1"}
    for name in chosen:
        spec |= FEATURES[name](chance)
    return spec, frozenset(chosen)


class RandomProject:
    """A project of random specs, all of them locked and up to date. `features` are those that each spec file has."""

    def __init__(self, chance: random.Random, project: Scratch) -> None:
        self.chance = chance
        self.project = project
        self.features: dict[Path, frozenset[str]] = {}
        self._write()
        self._leave_out_what_is_wrong()
        self._lock()

    @property
    def specs(self) -> list[Path]:
        """The spec files; not those with defaults and styles."""
        return sorted(path for path in (self.project.root / "specs").rglob("*.yaml") if not path.name.startswith("_"))

    @property
    def outputs(self) -> list[Path]:
        return sorted((self.project.root / "assets").rglob("*.png"))

    def _write(self) -> None:
        chance, write = self.chance, self.project.write
        self.about = chance.choice(PROJECTS)
        write("reconciler.yaml", json.dumps({"provider": "draft", **self.about}))
        write("specs/_styles.yaml", json.dumps({"flat": {"prompt_suffix": "flat"}, "bold": {"prompt_prefix": "bold"}}))
        for name, colour in {"one": "teal", "two": "red"}.items():
            write(f"refs/{name}.png", picture(colour))
        if chance.random() < 0.6:
            write("specs/f/_defaults.yaml", json.dumps({"prompt_prefix": "in f", "tags": ["f"]}))
        if chance.random() < 0.3:
            write("specs/_defaults.yaml", json.dumps({"description": "below specs"}))
        write("specs/n0.yaml", json.dumps({"prompt": "root", "size": "1:1"}))
        write("specs/n1.yaml", json.dumps({"prompt": "stem", "size": "1:1"}))
        write("specs/n7.yaml", json.dumps({"prompt": "leaf of n0", "size": "1:1", "references": [{"asset": "n0"}]}))
        for number in range(2, 7):
            spec, features = a_spec(chance)
            while "output of an asset" in features:  # that is refused, at the asset whose output it is
                spec, features = a_spec(chance)
            path = write(f"specs/{chance.choice(['', 'f/'])}n{number}.yaml", json.dumps(spec))
            self.features[path] = features
        matrix = {"prompt": "a ${x} thing", "size": "1:1", "matrix": {"x": chance.sample(WORDS, 2)}}
        self.features[write("specs/m.yaml", json.dumps(matrix))] = frozenset({"matrix"})
        several = {"defaults": {"size": "1:1"}, "assets": {"p": {"prompt": "pp"}, "b": {"prompt": "bb", "take": 2}}}
        self.features[write("specs/f.yaml", json.dumps(several))] = frozenset({"several"})

    def _leave_out_what_is_wrong(self) -> None:
        """Some combinations are refused: two assets with one output, a model without such a quality."""
        while not (told := self.project.run("validate", "--format", "json").json)["valid"]:
            for file in {problem["file"] for problem in told["problems"]}:
                (self.project.root / file).unlink()

    def _lock(self) -> None:
        """Adopt a picture for every asset: quick, and free for those that cost money. Some specs had other words when
        they were locked first, so the store has an image for those; some projects draw one of their images."""
        self.earlier: dict[Path, str] = {}
        single = [path for path in self.specs if path.stem not in ("m", "f") and "freeze" not in path.read_text()]
        had_others = [path for path in single if self.chance.random() < 0.3]
        kept = {path: path.read_text() for path in had_others}
        for path, text in kept.items():
            self.earlier[path] = json.dumps(json.loads(text) | {"prompt": f"earlier {path.stem}"})
            path.write_text(self.earlier[path])
        self._adopt(40)
        for path, text in kept.items():
            path.write_text(text)
        if kept:
            self._adopt(80)
        if self.chance.random() < 0.3:
            self.project.done("apply", "--yes", "--replace", "f#p")

    def _adopt(self, shade: int) -> None:
        steps = self.project.run("plan", "--format", "json").json["steps"]
        for number, step in enumerate(steps):
            self.project.write(step["output"], picture(f"#{number:02x}{shade}80"))
        self.project.done("adopt", "*", "--yes")

    def save(self, path: Path, spec: Spec) -> None:
        """As editors do: in place, or a new file that takes the old one's name."""
        target = self.chance.choice([path, path.with_name(f"{path.name}~")])
        target.write_text(json.dumps(spec) + " " * self.chance.randint(0, 9))
        target.replace(path)

    def put_back(self, texts: Mapping[Path, bytes]) -> None:
        """Write the spec files that have other bytes now, and no others: their signatures stay."""
        for path, text in texts.items():
            if not path.exists() or path.read_bytes() != text:
                path.write_bytes(text)

    def write_refusals(self, keys: list[tuple[AssetId, RecipeKey]]) -> None:
        """The lockfile as if the model had refused these recipes."""
        lock = loads(self.project.read("assets.lock").decode())
        refusals = {asset: Answer(key, "No.", AT) for asset, key in keys}
        self.project.write("assets.lock", dumps(replace(lock, answers=refusals)))

    def planned_keys(self) -> list[tuple[AssetId, RecipeKey]]:
        """The recipes that an apply would ask for now."""
        plan = self.project.run("plan", "--format", "json")
        return [(step["asset"], step["recipe"]) for step in plan.json.get("steps", ()) if "recipe" in step]


Edit = Callable[[RandomProject, Path], None]


def words(world: RandomProject, path: Path) -> None:
    spec = json.loads(path.read_text())
    target = spec["assets"][world.chance.choice(["p", "b"])] if "assets" in spec else spec
    target["prompt"] = target.get("prompt", "") + f" {world.chance.choice(WORDS)}"
    world.save(path, spec)


def same_words(world: RandomProject, _: Path) -> None:
    """The same word in every spec: steps that are alike."""
    for path in world.specs:
        spec = json.loads(path.read_text())
        if (
            path.stem not in ("n0", "n1", "n7", "m", "f")
            and not {"references", "freeze", "ignore_changes"} & spec.keys()
        ):
            spec["prompt"] = spec.get("prompt", "") + " again"
            world.save(path, spec)


def root_words(world: RandomProject, _: Path) -> None:
    path = world.project.root / "specs/n0.yaml"
    if path.exists():
        words(world, path)


def earlier_words(world: RandomProject, path: Path) -> None:
    found = sorted(world.earlier) or [path]
    path = world.chance.choice(found)
    path.write_text(world.earlier.get(path, path.read_text()))


def field_added(world: RandomProject, path: Path) -> None:
    spec = json.loads(path.read_text())
    name = world.chance.choice(list(FEATURES))
    added = FEATURES[name](world.chance)
    (spec["assets"]["p"] if "assets" in spec else spec).update(added)
    if "matrix" not in spec or "prompt" not in added:
        world.features[path] = world.features.get(path, frozenset()) | {name}
    world.save(path, spec)


def field_removed(world: RandomProject, path: Path) -> None:
    spec = json.loads(path.read_text())
    target = spec["assets"]["b"] if "assets" in spec else spec
    names = [name for name in target if name not in ("prompt", "size", "matrix", "vars")]
    for name in names[:1]:
        del target[name]
    world.save(path, spec)


def another_spec(world: RandomProject, path: Path) -> None:
    if path.stem not in ("m", "f", "n0", "n1"):
        spec, world.features[path] = a_spec(world.chance)
        world.save(path, spec)


def copied(world: RandomProject, path: Path) -> None:
    world.save(path, json.loads(world.chance.choice(world.specs).read_text()))


def matrix_changed(world: RandomProject, _: Path) -> None:
    path = world.project.root / "specs/m.yaml"
    spec = json.loads(path.read_text())
    spec["matrix"] = {"x": world.chance.sample(WORDS, world.chance.choice([2, 2, 3]))}
    world.save(path, spec)


def ids_swapped(world: RandomProject, _: Path) -> None:
    path = world.project.root / "specs/f.yaml"
    spec = json.loads(path.read_text())
    spec["assets"]["p"], spec["assets"]["b"] = spec["assets"]["b"], spec["assets"]["p"]
    world.save(path, spec)


def spaces(_: RandomProject, path: Path) -> None:
    path.write_text(path.read_text() + "   ")


def not_valid(_: RandomProject, path: Path) -> None:
    path.write_text('{"prompt": "x", "promt": 1}')


def removed(_: RandomProject, path: Path) -> None:
    path.unlink()


def another_file(world: RandomProject, _: Path) -> None:
    spec, _features = a_spec(world.chance)
    world.save(world.project.root / "specs/new.yaml", spec)


def output_gone(world: RandomProject, _: Path) -> None:
    world.chance.choice(world.outputs).unlink()


def output_painted(world: RandomProject, _: Path) -> None:
    world.chance.choice(world.outputs).write_bytes(picture("gold"))


def reference_painted(world: RandomProject, _: Path) -> None:
    world.project.write("refs/one.png", picture(world.chance.choice(["gold", "navy"])))


def defaults_changed(world: RandomProject, _: Path) -> None:
    world.project.write("specs/f/_defaults.yaml", json.dumps({"prompt_prefix": f"in {world.chance.choice(WORDS)}"}))


def style_changed(world: RandomProject, _: Path) -> None:
    flat = {"prompt_suffix": world.chance.choice(WORDS)}
    world.project.write("specs/_styles.yaml", json.dumps({"flat": flat, "bold": {"prompt_prefix": "bold"}}))


def project_changed(world: RandomProject, _: Path) -> None:
    about = world.chance.choice(PROJECTS)
    world.project.write("reconciler.yaml", json.dumps({"provider": "draft", **about}))


def in_doubt(world: RandomProject, path: Path) -> None:
    key = RecipeKey(f"r1:{world.chance.randbytes(32).hex()}")
    world.project.journal(Requested(f"a{world.chance.random()}", AssetId(path.stem), key, "gravitex", "0.1 USD", AT))


SPEC_EDITS: tuple[Edit, ...] = (
    words, words, words, words, field_added, field_added, field_added, field_removed, another_spec, another_spec,
    copied, matrix_changed, ids_swapped, spaces, not_valid, earlier_words, earlier_words, root_words, same_words,
    same_words,
)  # fmt: skip
OTHER_EDITS: tuple[Edit, ...] = (
    removed, another_file, output_gone, output_painted, reference_painted, defaults_changed, style_changed,
    project_changed, in_doubt,
)  # fmt: skip
