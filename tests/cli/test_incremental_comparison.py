"""The quick comparison with a base says what the full one says: random projects, random branches, both ways."""

from __future__ import annotations

import os
import random
import shutil
from collections import Counter
from collections.abc import Callable

import pytest

from reconciler.project import against
from reconciler.project.incremental_comparison import BranchComparison, compare_incrementally
from reconciler.project.workspace import Workspace
from tests.cli.conftest import Said, Scratch, picture
from tests.cli.random_project import OTHER_EDITS, SPEC_EDITS, RandomProject, words

ROUNDS = 4
EDITS_A_ROUND = 4


@pytest.fixture(autouse=True)
def unwatched(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody's CI, and no wait until a change could be told from the one before."""
    monkeypatch.delenv("CI", raising=False)
    monkeypatch.setattr("reconciler.store.index.index.TICK_NS", 0)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Whether each comparison was a quick one."""
    told: list[bool] = []

    def spy(workspace: Workspace, name: str) -> BranchComparison | None:
        found = compare_incrementally(workspace, name)
        told.append(found is not None)
        return found

    monkeypatch.setattr(against, "compare_incrementally", spy)
    return told


def compare(project: Scratch, *arguments: str) -> tuple[int, str, str]:
    said: Said = project.run("plan", "--against", "base", *arguments)
    return said.code, said.out, said.err


def both_agree(project: Scratch, told: list[bool], edits: object) -> bool:
    """Compare as the note allows and without it. Whether the note was used."""
    note, index = project.root / ".reconciler/against", project.root / ".reconciler/index"
    kept = {path: path.read_bytes() for path in (note, index) if path.exists()}
    told.clear()
    asked = (("--format", "json"), ("--max-cost", "0", "--exit-code"))
    answers = [compare(project, *options) for options in asked]
    used = any(told)
    for path in kept:
        path.unlink()
    full = [compare(project, *options) for options in asked]
    assert answers == full, edits
    for path in (note, index):
        path.unlink(missing_ok=True)
    for path, data in kept.items():
        path.write_bytes(data)
    return used


def test_both_comparisons_agree_on_random_branches(
    scratch: Scratch, capsys: pytest.CaptureFixture[str], quick: list[bool]
) -> None:
    chance = random.Random(1)
    seen: Counter[str] = Counter()
    for number in range(ROUNDS):
        folder = scratch.root / f"p{number}"
        folder.mkdir()
        os.chdir(folder)
        world = RandomProject(chance, Scratch(folder, capsys))
        project = world.project
        project.git("init", "-q", "-b", "base")
        project.git("add", "-A")
        project.git("commit", "-q", "-m", "base")
        project.git("checkout", "-q", "-b", "work")
        if chance.random() < 0.6:  # the branch has images of its own, and a lockfile that differs
            for path in chance.sample(world.specs, 2):
                words(world, path)
            if chance.random() < 0.5:
                project.write("specs/new.yaml", '{"prompt": "a new one", "size": "1:1"}')
                seen["new file"] += 1
            world._adopt(90)
            seen["other lockfile"] += 1
        project.run("plan")
        for _ in range(EDITS_A_ROUND):
            project.run("plan", "--against", "base")
            kept = {path: path.read_bytes() for path in world.specs}
            edits = chance.choices([*SPEC_EDITS, *OTHER_EDITS[:1]], k=chance.choice([0, 1, 2]))
            for edit in edits:
                edit(world, chance.choice(world.specs))
            names = [edit.__name__ for edit in edits]
            if both_agree(project, quick, (names, world.about)):
                seen.update(names or ["nothing"])
                seen["quick"] += 1
            world.put_back(kept)
            if chance.random() < 0.5:
                project.run("plan")
        os.chdir(scratch.root)
        shutil.rmtree(folder)
    assert seen["quick"] >= 5 and {"nothing", "words", "other lockfile"} <= set(seen), seen


@pytest.fixture
def branch(scratch: Scratch) -> Scratch:
    """A branch that is equal to its base: two assets, a style and a reference."""
    scratch.write("reconciler.yaml", "provider: draft\n")
    scratch.write("specs/_styles.yaml", "flat: {prompt_suffix: flat}\n")
    scratch.write("refs/sea.png", picture("navy"))
    scratch.write("specs/a.yaml", "prompt: A\nstyle: flat\nreferences: [refs/sea.png]\n")
    scratch.write("specs/b.yaml", "prompt: B\n")
    scratch.done("apply", "--yes")
    for command in ("init -q -b base", "add -A", "commit -q -m base", "checkout -q -b work"):
        scratch.git(*command.split())
    return scratch


def test_what_the_note_cannot_tell_is_read_in_full(branch: Scratch, quick: list[bool]) -> None:
    edits: dict[str, Callable[[], object]] = {
        "nothing": lambda: None,
        "a spec": lambda: branch.edit("specs/b.yaml", "B", "C"),
        "a new spec": lambda: branch.write("specs/c.yaml", "prompt: C\n"),
        "the lockfile": lambda: branch.write("assets.lock", branch.read("assets.lock") + b"\n"),
        "a reference": lambda: branch.write("refs/sea.png", picture("teal")),
        "a style": lambda: branch.edit("specs/_styles.yaml", "flat}", "flatter}"),
        "the project": lambda: branch.write("reconciler.yaml", "provider: draft\nbudget: {per_run: 1}\n"),
        "another version": lambda: branch.write(".reconciler/against", b'{"comparison": 2}'),
        "another commit": lambda: branch.git("commit", "-q", "--allow-empty", "--amend", "-m", "other"),
    }
    for name, edit in edits.items():
        branch.git("reset", "-q", "--hard", "base")
        branch.git("clean", "-qfd", "specs")
        branch.run("plan")
        compare(branch)
        quick.clear()
        compare(branch)
        assert quick == [True], name
        edit()
        if name == "another commit":
            branch.git("branch", "-f", "base", "work")
        compare(branch)
        assert quick[1:] == [name in ("nothing", "a spec")], name


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("specs/_styles.yaml", b"flat: {prompt_suffix: flatter}\n"),
        ("specs/_defaults.yaml", b"size: '2:1'\n"),
        ("refs/sea.png", picture("teal")),
        ("reconciler.yaml", b"provider: draft\ndefaults: {size: '2:1'}\n"),
    ],
)
def test_a_base_with_other_shared_files_is_compared_in_full(
    branch: Scratch, quick: list[bool], file: str, text: bytes
) -> None:
    """All is clean here, and no spec differs: a note about specs would tell nothing."""
    branch.write(file, text)
    branch.done("apply", "--yes")
    branch.run("plan")
    first = compare(branch, "--format", "json")
    assert '"a": [' in first[1]
    assert (compare(branch, "--format", "json"), quick) == (first, [False, False])


def test_a_note_holds_for_one_index(branch: Scratch, quick: list[bool]) -> None:
    branch.run("plan")
    compare(branch)
    branch.edit("specs/b.yaml", "B", "C")
    branch.done("apply", "--yes")
    branch.run("plan")
    told = [compare(branch, "--format", "json") for _ in range(2)]
    assert '"b": [' in told[0][1] and told[0] == told[1]
    assert quick == [False, False, True]


def test_an_image_that_the_base_lacked_is_told_each_time(branch: Scratch, quick: list[bool]) -> None:
    branch.write("specs/c.yaml", "prompt: C\n")
    branch.git("add", "-A")
    branch.git("commit", "-q", "-m", "c")
    branch.git("branch", "-f", "base", "work")
    branch.done("apply", "--yes")
    branch.run("plan")
    told = [compare(branch) for _ in range(2)]
    assert "1 asset had no image for the recipe before, either" in told[0][1] and told[0] == told[1]
    assert quick == [False, True]


def test_a_spec_that_the_branch_removed_is_told_each_time(branch: Scratch, quick: list[bool]) -> None:
    branch.edit("specs/a.yaml", "prompt: A", "prompt: D")
    (branch.root / "specs/b.yaml").unlink()
    branch.done("prune", "b", "--yes")
    branch.done("apply", "--yes")
    branch.run("plan")
    told = [compare(branch, "--format", "json") for _ in range(2)]
    assert '"removed": [\n    "b"\n  ]' in told[0][1] and told[0] == told[1]
    assert quick == [False, True]


def test_a_lockfile_in_another_form_is_read_in_full(branch: Scratch, quick: list[bool]) -> None:
    branch.write("assets.lock", branch.read("assets.lock").replace(b"\n", b"\n "))
    branch.git("commit", "-q", "-a", "-m", "another form")
    branch.git("branch", "-f", "base", "work")
    branch.run("plan")
    first = compare(branch)
    assert (compare(branch), quick) == (first, [False, False])


def test_an_asset_that_generates_nothing_is_named(branch: Scratch, quick: list[bool]) -> None:
    """Its image was made by hand, and is kept for the new words."""
    branch.edit("specs/b.yaml", "B", "By hand")
    branch.write("assets/b.png", picture("red"))
    branch.done("adopt", "b", "--yes")
    for command in ("commit -q -a -m hand", "branch -f base work"):
        branch.git(*command.split())
    branch.run("plan")
    branch.edit("specs/b.yaml", "hand", "my hand")
    for _ in range(2):
        told = compare(branch)
        assert "= b  prompt changed; no image is generated for it\n" in told[1]
        assert "nothing to pay; 1 changed without a new image" in told[1]
    assert quick == [False, True]
