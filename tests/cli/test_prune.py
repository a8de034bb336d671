"""`prune`: what no spec describes any more goes, its bytes stay in the store, and a person's work stays where it is."""

from __future__ import annotations

import shutil

from reconciler.core.digest import AssetId, RecipeKey
from reconciler.core.events import Requested
from tests.cli.conftest import Scratch, picture, pointer


def orphan(project: Scratch, *names: str) -> None:
    for name in names:
        (project.root / f"specs/{name}.yaml").unlink()


def test_an_orphan_goes_and_its_bytes_stay(project: Scratch) -> None:
    image = project.read("assets/hero.png")
    shutil.rmtree(project.root / ".reconciler")
    orphan(project, "hero")
    assert "pruned hero" in project.done("prune").out
    assert not (project.root / "assets/hero.png").exists()
    assert set(project.lock) == {"mascot", "pair"}
    assert project.stored(image)
    assert project.journal() == ()
    assert "nothing to prune" in project.done("prune").out


def test_a_file_changed_by_hand_stays_and_so_does_its_entry(project: Scratch) -> None:
    orphan(project, "hero")
    project.write("assets/hero.png", picture())
    before = project.snapshot()
    said = project.run("prune")
    assert (said.code, "changed by hand" in said.err, "hint:" in said.err) == (1, True, True)
    assert project.snapshot() == before
    (project.root / "assets/hero.png").unlink()
    project.done("prune")
    assert set(project.lock) == {"mascot", "pair"}


def test_a_file_that_a_spec_uses_stays(project: Scratch) -> None:
    orphan(project, "hero", "mascot")
    project.write("specs/other.yaml", "prompt: A tree\noutput: assets/hero.png\n")
    project.write("specs/pair.yaml", "prompt: Two of image 1\nreferences: [assets/mascot.png]\n")
    before = {name: project.read(name) for name in ("assets/hero.png", "assets/mascot.png")}
    said = project.done("prune", "--yes")
    assert "assets/mascot.png is kept: a spec uses it" in said.out
    assert {name: project.read(name) for name in before} == before
    assert "mascot" not in project.lock


def test_only_what_is_named_goes_and_more_than_one_needs_a_yes(project: Scratch) -> None:
    orphan(project, "pair", "mascot", "hero")
    before = project.snapshot()
    said = project.run("prune")
    assert (said.code, "pass --yes" in said.err) == (3, True)
    assert project.snapshot() == before
    project.done("prune", "h*")
    assert set(project.lock) == {"mascot", "pair"}
    project.done("prune", "--yes")
    assert project.lock == {}
    assert list((project.root / "assets").iterdir()) == []


def test_what_is_no_orphan_is_not_pruned(project: Scratch) -> None:
    before = project.snapshot()
    said = project.run("prune", "hero")
    assert (said.code, "not an orphan" in said.err) == (1, True)
    assert project.snapshot() == before


def test_a_git_lfs_pointer_goes_once_its_bytes_are_in_the_store(project: Scratch) -> None:
    image, content = project.read("assets/hero.png"), project.lock["hero"]["content"]
    project.git("init", "-q", ".")
    shutil.rmtree(project.root / ".reconciler")
    project.write("assets/hero.png", pointer(content, len(image)))
    orphan(project, "hero")
    said = project.run("prune")
    assert (said.code, "git lfs pull" in said.err) == (1, True), said
    assert (project.root / "assets/hero.png").exists()
    oid = content.removeprefix("sha256:")
    project.write(f".git/lfs/objects/{oid[:2]}/{oid[2:4]}/{oid}", image)
    project.done("prune")
    assert not (project.root / "assets/hero.png").exists()
    assert project.stored(image)


def test_its_request_in_doubt_is_put_to_rest_and_named(project: Scratch) -> None:
    key = RecipeKey("r1:" + "0" * 64)
    project.journal(Requested("a1", AssetId("hero"), key, "gravitex", "0.134 USD", "2026-11-22T16:00:00Z"))
    orphan(project, "hero")
    assert "request in doubt to gravitex" in project.done("prune").out
    assert project.journal() == ()
