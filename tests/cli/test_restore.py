"""`restore`: locked content comes back, and no person's bytes are gone for it."""

from __future__ import annotations

import shutil
import time

import pytest

from reconciler.core.digest import AssetId, content_hash, recipe_key
from reconciler.core.events import AnswerRecorded
from reconciler.core.lock.lockfile import Answer
from reconciler.core.plan.plan import Step
from reconciler.project.edits import Edited, edit_session
from reconciler.project.restore import Restoration
from reconciler.project.workspace import Workspace
from tests.cli.conftest import Scratch, picture, pointer


def test_a_painted_output_is_put_back_and_the_paint_is_kept(project: Scratch) -> None:
    locked, painted, lock = project.read("assets/hero.png"), picture(), project.read("assets.lock")
    project.write("assets/hero.png", painted)
    said = project.done("restore", "hero")
    assert project.read("assets/hero.png") == locked
    assert f"it replaced {content_hash(painted)}, kept in the store" in said.out
    assert project.stored(painted)
    assert project.read("assets.lock") == lock
    assert project.plan() == {}


def test_a_missing_output_comes_back_even_for_changed_words(project: Scratch) -> None:
    locked, lock = project.read("assets/hero.png"), project.read("assets.lock")
    project.edit("specs/hero.yaml", "dusk", "dawn")
    (project.root / "assets/hero.png").unlink()
    project.done("restore", "hero")
    assert project.read("assets/hero.png") == locked
    assert project.read("assets.lock") == lock
    assert project.plan() == {"hero": ("generate", "RecipeChanged")}


def test_it_follows_the_asset_to_its_new_output(project: Scratch) -> None:
    locked = project.read("assets/hero.png")
    project.edit("specs/hero.yaml", "prompt", "output: web/hero.png\nprompt")
    project.write("web/hero.png", picture())
    project.done("restore", "hero")
    assert project.read("web/hero.png") == locked
    assert not (project.root / "assets/hero.png").exists()
    assert project.lock["hero"]["output"] == "web/hero.png"
    assert project.plan() == {}


def test_the_old_path_keeps_what_a_person_put_there(project: Scratch) -> None:
    locked, painted = project.read("assets/hero.png"), picture()
    project.edit("specs/hero.yaml", "prompt", "output: web/hero.png\nprompt")
    project.write("assets/hero.png", painted)
    assert project.plan() == {"hero": ("conflict", "OutputModified")}
    assert "assets/hero.png is kept: it has other content" in project.done("restore", "hero").out
    assert (project.read("web/hero.png"), project.read("assets/hero.png")) == (locked, painted)
    assert project.plan() == {}


def test_a_move_forgets_no_refusal(project: Scratch) -> None:
    project.edit("specs/hero.yaml", "at dusk", "at dawn\noutput: web/hero.png\nprovider: gravitex\nmodel: m")
    key = recipe_key({"image_size": "512", "model": "m", "prompt": "A lighthouse at dawn", "size": "16:9"})
    project.journal(AnswerRecorded(AssetId("hero"), Answer(key, "no dawns", "2026-11-22T16:00:00Z")))
    assert project.plan() == {"hero": ("hold", "WasRefused")}
    project.done("restore", "hero")
    assert project.plan() == {"hero": ("hold", "WasRefused")}


def test_a_git_lfs_pointer_to_other_bytes_is_replaced(project: Scratch) -> None:
    locked, other = project.read("assets/hero.png"), content_hash(b"elsewhere")
    project.write("assets/hero.png", pointer(other))
    assert f"a Git LFS pointer to {other}" in project.done("restore", "hero").out
    assert project.read("assets/hero.png") == locked


def test_several_come_back_after_a_yes_and_one_that_cannot_stops_none(project: Scratch) -> None:
    images = {name: project.read(f"assets/{name}.png") for name in ("hero", "mascot", "pair")}
    shutil.rmtree(project.root / "assets")
    said = project.run("restore", "*")
    assert (said.code, (project.root / "assets").exists()) == (3, False), said
    (project.root / "assets/mascot.png").mkdir(parents=True)
    said = project.run("restore", "--yes", "*")
    assert (said.code, "assets/mascot.png is a directory" in said.err) == (1, True)
    assert {name: project.read(f"assets/{name}.png") for name in ("hero", "pair")} == {
        name: images[name] for name in ("hero", "pair")
    }


def test_bytes_that_are_nowhere_are_an_error_that_changes_nothing(project: Scratch) -> None:
    shutil.rmtree(project.root / ".reconciler")
    project.write("assets/hero.png", picture())
    said = project.run("restore", "hero")
    assert (said.code, "no source has the locked bytes" in said.err) == (1, True), said
    assert project.read("assets/hero.png") == picture()


def test_nothing_to_restore_is_said(project: Scratch) -> None:
    project.write("specs/new.yaml", "prompt: A tree\n")
    before = project.snapshot()
    assert project.done("restore", "*").out.count("has the locked content already") == 3
    said = project.run("restore", "new")
    assert (said.code, "nothing is locked for it" in said.err) == (1, True)
    assert project.snapshot() == before


def test_many_missing_files_come_back_at_once_and_are_told_in_order(scratch: Scratch) -> None:
    """One of them has lost its bytes for good, another was painted over: the rest is restored all the same."""
    scratch.write("reconciler.yaml", "provider: draft\n")
    names = [f"a{number:02}" for number in range(30)]
    scratch.write("specs/all.yaml", "assets:\n" + "".join(f"  {name}: {{prompt: '{name}'}}\n" for name in names))
    scratch.done("apply", "--yes")
    kept = {path: path.read_bytes() for path in sorted((scratch.root / "assets").rglob("*.png"))}
    paths = list(kept)
    lock = scratch.read("assets.lock")
    for path in paths:
        path.unlink()
    paths[20].write_bytes(picture())
    lost = content_hash(kept[paths[7]]).removeprefix("sha256:")
    (found,) = (scratch.root / ".reconciler/store/objects").rglob(lost)
    found.unlink()
    said = scratch.run("restore", "*", "--yes")
    assert (said.code, "no source has the locked bytes of assets/all/a07.png" in said.err) == (1, True), said
    told = [line.split()[1] for line in said.out.splitlines() if line.startswith("restored ")]
    assert told == [f"all#{name}" for name in names if name != "a07"]
    assert {path: path.read_bytes() for path in paths if path != paths[7]} == {
        path: data for path, data in kept.items() if path != paths[7]
    }
    assert not paths[7].exists() and scratch.read("assets.lock") == lock


def test_only_absent_files_at_their_old_paths_come_back_at_once(project: Scratch) -> None:
    """A step that replaces or moves a file may touch that of another step."""
    others = [name for name in project.lock if name != "hero"]
    (project.root / project.lock[others[0]]["output"]).unlink()
    project.write(project.lock[others[1]]["output"], picture())
    project.edit("specs/hero.yaml", "prompt", "output: web/hero.png\nprompt")
    with edit_session(Workspace(project.root, strict=False), wait=0) as session:
        restoration = Restoration(session)
        told = {step.asset: restoration.at_once(step) for step in session.planned.plan.steps}
    assert told == {others[0]: True, others[1]: False, "hero": False}


def test_ctrl_c_begins_no_further_file(scratch: Scratch, monkeypatch: pytest.MonkeyPatch) -> None:
    scratch.write("reconciler.yaml", "provider: draft\n")
    names = [f"a{number:02}" for number in range(40)]
    scratch.write("specs/all.yaml", "assets:\n" + "".join(f"  {name}: {{prompt: '{name}'}}\n" for name in names))
    scratch.done("apply", "--yes")
    shutil.rmtree(scratch.root / "assets")
    begun: list[str] = []

    def interrupted(_: Restoration, step: Step) -> Edited:
        begun.append(step.asset)
        time.sleep(0.1)
        if step.asset == "all#a00":
            raise KeyboardInterrupt
        return Edited((), ())

    monkeypatch.setattr(Restoration, "edit", interrupted)
    assert scratch.run("restore", "*", "--yes").code == 130
    assert 8 <= len(begun) < len(names)
