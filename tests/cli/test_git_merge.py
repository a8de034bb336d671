"""Two branches that both changed pictures, merged by real git: what a person settled by hand stays settled."""

from __future__ import annotations

import re
import subprocess

import pytest

from reconciler.core.digest import content_hash
from tests.cli.conftest import Scratch, pointer


@pytest.fixture
def merged(project: Scratch) -> Scratch:
    """The branch `main` says noon, the branch `other` says dawn, and both have the picture: a merge in conflict."""
    project.write(".gitignore", ".reconciler/\n")
    project.git("init", "-q", "-b", "main", ".")
    commit(project, "dusk")
    project.git("branch", "other")
    change(project, "dusk", "noon")
    project.git("checkout", "-q", "other")
    change(project, "dusk", "dawn")
    project.git("checkout", "-q", "main")
    with pytest.raises(subprocess.CalledProcessError):
        project.git("merge", "other")
    return project


def commit(project: Scratch, message: str) -> None:
    project.git("add", "-A")
    project.git("commit", "-qm", message)


def change(project: Scratch, old: str, new: str) -> None:
    project.edit("specs/hero.yaml", old, new)
    project.done("apply", "--yes")
    commit(project, new)


SIDES = {"--ours": ("main", "noon"), "--theirs": ("other", "dawn")}


@pytest.mark.parametrize("staged", [False, True], ids=["", "staged"])
@pytest.mark.parametrize(("spec", "image"), [("--ours", "--theirs"), ("--theirs", "--ours"), ("--ours", "--ours")])
def test_the_picture_that_was_checked_out_stays(merged: Scratch, spec: str, image: str, staged: bool) -> None:
    merged.git("checkout", spec, "specs/hero.yaml")
    merged.git("checkout", image, "assets/hero.png")
    if staged:
        merged.git("add", "assets/hero.png", "specs/hero.yaml")
    chosen = merged.read("assets/hero.png")
    assert merged.run("check").code == 2
    said = merged.done("apply", "--yes")
    assert merged.read("assets/hero.png") == chosen
    assert (merged.run("check").code, "both sides of a merge changed it" in said.err) == (0, spec != image)
    entry = merged.lock["hero"]
    assert (entry["content"], entry["recipe"]["prompt"][-4:]) == (content_hash(chosen), SIDES[spec][1])
    commit(merged, "merged")
    assert merged.done("apply", "--yes").out == "nothing to do: 3 assets up to date\n"
    assert merged.read("assets/hero.png") == chosen


@pytest.mark.parametrize(
    "command",
    [
        ("apply", "--yes", "--include", "mascot"),
        ("restore", "mascot"),
        ("adopt", "pair"),
        ("apply", "--yes", "--draft"),
    ],
    ids=" ".join,
)
def test_it_stays_although_a_command_for_another_asset_writes_the_lockfile(
    merged: Scratch, command: tuple[str, ...]
) -> None:
    merged.git("checkout", "--ours", "specs/hero.yaml")
    merged.git("checkout", "--theirs", "assets/hero.png")
    chosen = merged.read("assets/hero.png")
    (merged.root / "assets/mascot.png").unlink()
    merged.done(*command)
    assert b"<<<<<<<" not in merged.read("assets.lock")
    merged.done("apply", "--yes")
    assert merged.read("assets/hero.png") == chosen
    assert merged.run("check").code == 0


def test_words_of_neither_side_are_made(merged: Scratch) -> None:
    merged.write("specs/hero.yaml", 'prompt: A lighthouse at midnight\nsize: "16:9"\n')
    merged.git("checkout", "--theirs", "assets/hero.png")
    assert merged.plan() == {"hero": ("generate", "RecipeChanged")}


def test_a_pointer_that_was_checked_out_decides_as_its_picture_does(merged: Scratch) -> None:
    merged.git("checkout", "--theirs", "specs/hero.yaml")
    merged.git("checkout", "--theirs", "assets/hero.png")
    image = merged.read("assets/hero.png")
    merged.write("assets/hero.png", pointer(content_hash(image), len(image)).replace("\n", "\r\n"))
    merged.done("apply", "--yes")
    assert merged.lock["hero"]["content"] == content_hash(image)


def test_a_lockfile_that_a_merge_left_out_of_order_is_put_in_order(project: Scratch) -> None:
    """As it comes out of a conflict in which both sides added an asset, if somebody keeps the lines of both."""
    whole = project.read("assets.lock")
    *others, last = re.findall(r'    "\w+": \{.*?\n    \}', whole.decode(), re.DOTALL)
    assets = ",\n".join([last, *others])
    project.write("assets.lock", f'{{\n  "lockfile": 1,\n  "assets": {{\n{assets}\n  }}\n}}\n')
    said = project.run("check")
    assert (said.code, "the next apply merges them" in said.out) == (2, True)
    project.done("apply", "--yes")
    assert project.read("assets.lock") == whole
    assert project.run("check").code == 0
