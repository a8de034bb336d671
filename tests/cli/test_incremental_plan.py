"""The quick ways say what the long way says: random small projects, random edits, both ways side by side."""

from __future__ import annotations

import json
import os
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from reconciler.cli import entry_point as start
from reconciler.core.digest import AssetId, RecipeKey
from reconciler.core.lock.lockfile import Refusal, dumps, loads
from reconciler.core.value import replace
from tests.cli.conftest import Scratch, picture

ROUNDS = 20
WORDS = ("sky", "sea", "hill", "fox", "oak")
Edit = Callable[[random.Random, Scratch, Path], None]


@pytest.fixture(autouse=True)
def unwatched(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody's CI, and no wait until a change could be told from the one before: each edit here has its own size."""
    monkeypatch.delenv("CI", raising=False)
    monkeypatch.setattr("reconciler.store.index.index.TICK_NS", 0)


def quick(capsys: pytest.CaptureFixture[str], command: str) -> tuple[int, str] | None:
    capsys.readouterr()
    code = start._answered([command])
    return None if code is None else (code, capsys.readouterr().out)


def long(project: Scratch, command: str) -> tuple[int, str]:
    index = project.root / ".reconciler/index"
    known = index.read_bytes()
    index.unlink()
    said = project.run(command, *(["--strict"] if command == "check" else []))
    index.write_bytes(known)
    return said.code, said.out


def a_spec(chance: random.Random) -> dict[str, Any]:
    spec: dict[str, Any] = {"prompt": f"{chance.choice(WORDS)} {chance.random()}", "size": "64x64"}
    extras: tuple[dict[str, Any], ...] = (
        {}, {}, {}, {}, {"freeze": True}, {"ignore_changes": ["prompt"]}, {"style": ["flat"]}, {"tags": ["t"]},
        {"references": ["refs/one.png"]}, {"references": [{"asset": "n0"}]}, {"take": 2},
    )  # fmt: skip
    return spec | chance.choice(extras)


def set_up(chance: random.Random, project: Scratch) -> None:
    defaults = chance.choice([{}, {"quality": "high"}])
    project.write("reconciler.yaml", json.dumps({"provider": "draft", "defaults": defaults}))
    project.write("specs/_styles.yaml", json.dumps({"flat": {"prompt_suffix": "flat"}}))
    project.write("refs/one.png", picture())
    if chance.random() < 0.5:
        project.write("specs/f/_defaults.yaml", json.dumps({"prompt_prefix": "in f"}))
    project.write("specs/n0.yaml", json.dumps({"prompt": "root", "size": "64x64"}))
    for number in range(1, chance.randint(3, 5)):
        project.write(f"specs/{chance.choice(['', 'f/'])}n{number}.yaml", json.dumps(a_spec(chance)))
    matrix = {"prompt": "a ${x} thing", "size": "64x64", "matrix": {"x": chance.sample(WORDS, 2)}}
    project.write("specs/m.yaml", json.dumps(matrix))
    several = {"defaults": {"size": "64x64"}, "assets": {"p": {"prompt": "pp"}, "b": {"prompt": "bb"}}}
    project.write("specs/f.yaml", json.dumps(several))


def save(chance: random.Random, path: Path, spec: Any) -> None:
    """As editors do: in place, or a new file that takes the old one's name."""
    target = chance.choice([path, path.with_name(f"{path.name}~")])
    target.write_text(json.dumps(spec) + " " * chance.randint(0, 9))
    target.replace(path)


def words(chance: random.Random, _: Scratch, path: Path) -> None:
    spec = json.loads(path.read_text())
    target = spec["assets"][chance.choice(["p", "b"])] if "assets" in spec else spec
    target["prompt"] += f" {chance.choice(WORDS)}"
    save(chance, path, spec)


def other_fields(chance: random.Random, _: Scratch, path: Path) -> None:
    if path.stem not in ("m", "f", "n0"):
        save(chance, path, a_spec(chance))


def copied(chance: random.Random, project: Scratch, path: Path) -> None:
    save(chance, path, json.loads(chance.choice(specs_of(project)).read_text()))


def refers_to_an_output(chance: random.Random, project: Scratch, path: Path) -> None:
    output = chance.choice(sorted((project.root / "assets").rglob("*.png"))).relative_to(project.root)
    save(chance, path, {"prompt": "see", "size": "64x64", "references": [str(output)]})


def another_output(chance: random.Random, _: Scratch, path: Path) -> None:
    save(chance, path, {"prompt": "x", "size": "64x64", "output": chance.choice(["assets/n0.png", "assets/o.png"])})


def no_spec(_: random.Random, __: Scratch, path: Path) -> None:
    path.write_text('{"prompt": "x", "promt": 1}')


def output_gone(chance: random.Random, project: Scratch, _: Path) -> None:
    chance.choice(sorted((project.root / "assets").rglob("*.png"))).unlink()


EDITS: tuple[Edit, ...] = (
    words, words, words, words, words, other_fields, copied, refers_to_an_output, another_output, no_spec, output_gone,
)  # fmt: skip


def specs_of(project: Scratch) -> list[Path]:
    return sorted(path for path in (project.root / "specs").rglob("*.yaml") if not path.name.startswith("_"))


def test_the_quick_way_says_what_the_long_way_says(scratch: Scratch, capsys: pytest.CaptureFixture[str]) -> None:
    chance = random.Random(7)
    ways: list[tuple[int, str] | None] = []
    for number in range(ROUNDS):
        folder = scratch.root / f"p{number}"
        folder.mkdir()
        os.chdir(folder)
        project = Scratch(folder, capsys)
        set_up(chance, project)
        project.run("apply", "--yes")
        for _ in range(3):
            kept = {path: path.read_bytes() for path in specs_of(project)}
            project.run("check")
            done = chance.choices(EDITS, k=chance.choice([1, 1, 2, 3]))
            for edit in done:
                edit(chance, project, chance.choice(specs_of(project)))
            for command in ("plan", "check"):
                said = quick(capsys, command)
                ways.append(said)
                if said is not None:
                    assert said == long(project, command), (number, [edit.__name__ for edit in done])
            for path, text in kept.items():
                path.write_bytes(text)
            project.run("apply", "--yes")
        os.chdir(scratch.root)
        shutil.rmtree(folder)
    assert sum(said is not None and said[0] == 2 for said in ways) > ROUNDS / 2, "nothing went the quick way"


@pytest.mark.parametrize("refused", ["this recipe", "another"])
def test_a_refusal_is_never_overlooked(refused: str, project: Scratch, capsys: pytest.CaptureFixture[str]) -> None:
    hero = project.read("specs/hero.yaml")
    project.done("apply", "--yes")
    project.edit("specs/hero.yaml", "dusk", "dawn")
    (step,) = project.done("plan", "--format", "json").json["steps"]
    key = RecipeKey(step["recipe"] if refused == "this recipe" else f"r1:{'0' * 64}")
    project.write("specs/hero.yaml", hero)
    lock = loads(project.read("assets.lock").decode())
    asset = AssetId("hero" if refused == "this recipe" else "gone")
    refusals = {asset: Refusal(key, "No.", "2026-01-01T00:00:00Z")}
    project.write("assets.lock", dumps(replace(lock, refusals=refusals)))
    project.done("check")
    project.edit("specs/hero.yaml", "dusk", "dawn")

    assert quick(capsys, "plan") == (None if refused == "this recipe" else long(project, "plan"))


def test_a_folder_of_specs_that_leaves_the_project_is_not_read(project: Scratch) -> None:
    project.done("check")
    outside = project.root.parent / "outside"
    (project.root / "specs").rename(outside)
    (project.root / "specs").symlink_to("../outside")
    (outside / "hero.yaml").write_text("prompt: secret\n")
    for command in ("check", "plan", "validate"):
        assert start._answered([command]) is None
        said = project.run(command)
        assert (said.code, said.out) == (1, "")
        assert said.err == "specs: is a link that leaves the project\n  hint: copy the folder\n"
    (project.root / "specs").unlink()
    outside.rename(project.root / "elsewhere")
    (project.root / "specs").symlink_to("elsewhere")
    assert project.run("check").code == 2


@pytest.mark.parametrize("limit", ["per_run: 0.01", "per_asset: 0.01", "images: 0", "per_run: 1"])
def test_a_plan_of_few_is_held_against_the_budget(
    limit: str, project: Scratch, capsys: pytest.CaptureFixture[str]
) -> None:
    project.write("reconciler.yaml", f"provider: gravitex\nbudget: {{{limit}, currency: USD}}\n")
    project.write("specs/hero.yaml", "prompt: A fox at dusk\nmodel: gemini-2.5-flash-image\n")
    for name in ("mascot", "pair"):
        (project.root / f"specs/{name}.yaml").unlink(missing_ok=True)
    (project.root / "assets").mkdir(exist_ok=True)
    (project.root / "assets/hero.png").write_bytes(picture())
    project.done("adopt", "hero", "--yes")
    project.done("prune", "--yes")
    project.done("check")
    project.edit("specs/hero.yaml", "dusk", "dawn")

    for command in ("plan", "check"):
        answer = quick(capsys, command)
        assert answer is not None
        assert answer == long(project, command)


@pytest.mark.parametrize(("edited", "ways"), [("root", "long"), ("tied", "long"), ("free", "quick")])
def test_what_others_rest_on_is_not_planned_alone(
    edited: str, ways: str, scratch: Scratch, capsys: pytest.CaptureFixture[str]
) -> None:
    scratch.write("reconciler.yaml", "provider: draft\n")
    for name, more in {"root": "", "tied": "references: [{asset: root}]\n", "free": ""}.items():
        scratch.write(f"specs/{name}.yaml", f"prompt: the {name} at dusk\nsize: 64x64\n{more}")
    scratch.done("apply", "--yes")
    scratch.done("check")
    scratch.edit(f"specs/{edited}.yaml", "dusk", "dawn")

    answer = quick(capsys, "plan")

    assert answer == (None if ways == "long" else long(scratch, "plan"))
