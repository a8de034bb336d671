"""The quick ways say what the long way says: random small projects, random edits, both ways side by side."""

from __future__ import annotations

import os
import random
import shutil
import sys
from collections import Counter
from pathlib import Path

import pytest

from reconciler.cli import entry_point as start
from reconciler.core.digest import AssetId, RecipeKey
from reconciler.core.lock.lockfile import Answer, dumps, loads
from reconciler.core.value import replace
from tests.cli.conftest import Scratch, picture
from tests.cli.random_project import OTHER_EDITS, SPEC_EDITS, Edit, RandomProject, words


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


class Screen:
    """A terminal of 60 columns in the place of stdout, or a pipe."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
        monkeypatch.setattr(type(sys.stdout), "isatty", lambda _: kind == "terminal", raising=False)
        for name, wanted in (("COLUMNS", "60"), ("TERM", "xterm"), ("FORCE_COLOR", "1" if kind == "colour" else "")):
            monkeypatch.setenv(name, wanted)
        monkeypatch.delenv("NO_COLOR", raising=False)


ROUNDS = 12
EDITS_A_ROUND = 5
ANSWERED = {
    "pipe", "colour", "terminal", "paid", "budget", "refusal", "edit words", "edit another_spec", "edit earlier_words",
    "edit same_words",
}  # fmt: skip
"""Features of edited specs, and edits, that the index must have answered for: else this test compares too little."""


def both_agree(world: RandomProject, capsys: pytest.CaptureFixture[str], edits: list[str]) -> set[str]:
    """Hold `plan` and `check` of the index against those without it, on a terminal, or in a pipe with colours or
    without. The kinds of output in which the index answered."""
    kind = world.chance.choice(["pipe", "colour", "terminal"])
    found = set()
    for command in ("plan", "check"):
        with pytest.MonkeyPatch.context() as monkeypatch:
            Screen(monkeypatch, kind)
            answer = quick(capsys, command)
            if answer is not None:
                assert answer == long(world.project, command), (world.about, edits, kind)
        if answer is not None and answer != (0, ""):
            found.add(kind)
    return found


def refused_edit(world: RandomProject, edit: Edit, path: Path) -> dict[Path, bytes]:
    """Make an edit, let the lockfile refuse the recipes that it leads to, and take it back: the index is of then. The
    texts of the specs after the edit."""
    before = {each: each.read_bytes() for each in world.specs}
    edit(world, path)
    after = {each: each.read_bytes() for each in world.specs}
    keys = world.planned_keys()
    world.put_back(before)
    other = (AssetId("gone"), RecipeKey(f"r1:{'0' * 64}"))
    world.write_refusals(world.chance.choice([keys, [other], [(AssetId("gone"), key) for _, key in keys]]))
    world.project.run("check")
    return after


def test_both_planners_agree_on_random_projects(scratch: Scratch, capsys: pytest.CaptureFixture[str]) -> None:
    chance = random.Random(7)
    seen: Counter[str] = Counter()
    for number in range(ROUNDS):
        folder = scratch.root / f"p{number}"
        folder.mkdir()
        os.chdir(folder)
        world = RandomProject(chance, Scratch(folder, capsys))
        world.project.run("check")
        for _ in range(EDITS_A_ROUND):
            kept = {path: path.read_bytes() for path in world.specs}
            edits = chance.choices(SPEC_EDITS, k=chance.choice([1, 1, 2, 3]))
            paths = [chance.choice(world.specs) for _ in edits]
            refusing = chance.random() < 0.3
            after = refused_edit(world, edits[0], paths[0]) if refusing else {}
            world.put_back(after)
            for edit, path in list(zip(edits, paths, strict=True))[int(refusing) :]:
                edit(world, path)
            names = [edit.__name__ for edit in edits]
            if found := both_agree(world, capsys, names):
                seen.update(found)
                seen.update(["refusal"] if refusing else [])
                seen.update(f"edit {name}" for name in names)
                seen.update(name for path in paths for name in world.features.get(path, ()))
                seen.update(["budget"] if "budget" in world.about else [])
            world.put_back(kept)
            world.project.run("check")
        other = chance.choice(OTHER_EDITS)
        words(world, chance.choice(world.specs))
        other(world, chance.choice(world.specs))
        both_agree(world, capsys, [other.__name__])
        os.chdir(scratch.root)
        shutil.rmtree(folder)
    assert not ANSWERED - set(seen), seen
    assert len(seen) > 15, seen


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
    refusals = {asset: Answer(key, "No.", "2026-01-01T00:00:00Z")}
    project.write("assets.lock", dumps(replace(lock, answers=refusals)))
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


@pytest.mark.parametrize("kind", ["pipe", "colour", "terminal"])
def test_steps_that_are_alike_are_grouped_by_both(
    kind: str, scratch: Scratch, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    scratch.write("reconciler.yaml", "provider: draft\n")
    for name in ("d/a", "d/b", "d/c", "d/d", "e"):
        scratch.write(f"specs/{name}.yaml", f"prompt: the {name} at dusk\nsize: 64x64\n")
    scratch.done("apply", "--yes")
    scratch.done("check")
    for name in ("d/a", "d/b", "d/c", "d/d"):
        scratch.edit(f"specs/{name}.yaml", "dusk", "dawn of time")
    Screen(monkeypatch, kind)

    answer = quick(capsys, "plan")

    assert answer == long(scratch, "plan")
    plain = "~ d/*  4 assets: prompt changed  [free]\n    prompt: … [-dusk-]{+dawn of time+}\n"
    assert answer is not None
    assert answer[1].startswith(plain) is (kind == "pipe")
    assert ("\x1b[33m~ d/*\x1b[0m" in answer[1]) is (kind != "pipe")
