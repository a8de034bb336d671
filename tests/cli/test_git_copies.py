"""Images that git has somewhere: they are found, or the message says in git's words why not, and what to do."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from reconciler.core.digest import content_hash, hex_of
from tests.cli.conftest import Scratch, pointer


@pytest.fixture(autouse=True)
def only_this_git(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No configuration of the machine."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")


@pytest.fixture(name="paid")
def with_a_paid_image(project: Scratch) -> Scratch:
    """`hero` as if it had been paid for: nothing draws it again for nothing. In a repository, with one commit."""
    lock = project.read("assets.lock").decode().replace('"provider": "draft"', '"provider": "gravitex"')
    project.write("assets.lock", lock)
    project.write(".gitignore", ".reconciler/\n")
    project.git("init", "-q", "-b", "main", ".")
    project.git("config", "uploadpack.allowFilter", "true")
    project.git("add", "-A")
    project.git("commit", "-qm", "all")
    return project


def lost(paid: Scratch, *, committed: bool) -> bytes:
    """The image of `hero`, which is in no place of this checkout any more, or only in an old commit."""
    image = paid.read("assets/hero.png")
    paid.git("rm", "-q", "assets/hero.png")
    if committed:
        paid.git("commit", "-qm", "without")
    else:
        paid.git("commit", "-q", "--amend", "-m", "never there")
        paid.git("reflog", "expire", "--expire=now", "--all")
        paid.git("gc", "-q", "--prune=now")
    shutil.rmtree(paid.root / ".reconciler")
    return image


def put_object(folder: Path, image: bytes) -> None:
    oid = hex_of(content_hash(image))
    file = folder / oid[:2] / oid[2:4] / oid
    file.parent.mkdir(parents=True)
    file.write_bytes(image)


def cloned(paid: Scratch, monkeypatch: pytest.MonkeyPatch, *options: str) -> Scratch:
    clone = paid.root.parent / "clone"
    paid.git("clone", "-q", *options, paid.root.as_uri() if "--shared" not in options else str(paid.root), str(clone))
    monkeypatch.chdir(clone)
    return Scratch(clone, paid._capsys)


def is_restored(project: Scratch, image: bytes) -> bool:
    assert project.plan()["hero"] == ("restore", "OutputMissing")
    project.done("apply", "--yes")
    return project.read("assets/hero.png") == image


def held(project: Scratch, *facts: str) -> str:
    """The message about `hero`, which nothing may buy again, and which tells nobody to."""
    said = project.done("plan").out
    assert project.plan()["hero"] == ("hold", "SourceFailed")
    assert "pay" not in said
    assert "--regenerate-missing" not in said
    for fact in facts:
        assert fact in said, said
    told = project.run("apply", "--regenerate-missing", "--yes")
    assert (told.code, told.out) == (3, "held 1\n")
    refused = project.run("restore", "hero")
    assert (refused.code, facts[0] in refused.err) == (1, True), refused
    return said


@pytest.mark.parametrize("storage", ["/absolute", "relative", "~/in-the-home"])
def test_lfs_objects_are_found_in_a_storage_elsewhere(paid: Scratch, tmp_path: Path, storage: str) -> None:
    image = lost(paid, committed=False)
    where = {"/": tmp_path / "store", "r": paid.root / ".git/relative", "~": tmp_path / "in-the-home"}[storage[0]]
    paid.git("config", "lfs.storage", str(where) if storage[0] == "/" else storage)
    put_object(where / "objects", image)
    assert is_restored(paid, image)


@pytest.mark.parametrize("written", ["absolute", "relative"])
def test_lfs_objects_are_found_in_the_repository_that_a_clone_borrows_from(
    paid: Scratch, monkeypatch: pytest.MonkeyPatch, written: str
) -> None:
    image = lost(paid, committed=False)
    put_object(paid.root / ".git/lfs/objects", image)
    clone = cloned(paid, monkeypatch, "--shared")
    if written == "relative":
        clone.write(".git/objects/info/alternates", "# borrowed\n../../../project/.git/objects\n")
    assert is_restored(clone, image)


def test_the_history_is_found_through_the_repository_that_a_clone_borrows_from(
    paid: Scratch, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = lost(paid, committed=True)
    assert is_restored(cloned(paid, monkeypatch, "--shared"), image)


def test_a_repository_that_has_gone_is_named(paid: Scratch, monkeypatch: pytest.MonkeyPatch) -> None:
    lost(paid, committed=True)
    clone = cloned(paid, monkeypatch, "--shared")
    paid.root.rename(paid.root.parent / "gone")
    held(clone, "project/.git/objects")


def test_a_partial_clone_says_how_to_fetch_the_rest(paid: Scratch, monkeypatch: pytest.MonkeyPatch) -> None:
    image = lost(paid, committed=True)
    clone = cloned(paid, monkeypatch, "--filter=blob:none")
    before = sorted(clone.root.rglob("*"))
    said = held(clone, "git: ", "`git log --all -m -p -- assets/hero.png >/dev/null`")
    assert [path for path in sorted(clone.root.rglob("*")) if ".reconciler" not in path.parts] == before
    assert "promisor" in said
    clone.git("log", "--all", "-m", "-p", "--", "assets/hero.png")
    assert is_restored(clone, image)


def test_a_shallow_clone_says_how_to_fetch_the_rest(paid: Scratch, monkeypatch: pytest.MonkeyPatch) -> None:
    image = lost(paid, committed=True)
    clone = cloned(paid, monkeypatch, "--depth=1")
    held(clone, "this clone is shallow", "`git fetch --unshallow`")
    clone.git("fetch", "-q", "--unshallow")
    assert is_restored(clone, image)


def test_dubious_ownership_is_told_in_the_words_of_git(paid: Scratch, monkeypatch: pytest.MonkeyPatch) -> None:
    image = lost(paid, committed=True)
    with monkeypatch.context() as other:
        other.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
        held(paid, "detected dubious ownership in repository", "git config --global --add safe.directory")
    assert is_restored(paid, image)


def test_tracked_state_is_not_believed_where_git_refuses_to_look(
    paid: Scratch, monkeypatch: pytest.MonkeyPatch
) -> None:
    paid.git("add", "-f", ".reconciler")
    assert "git tracks .reconciler/" in paid.run("check").err
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    said = paid.run("check")
    assert (said.code, "detected dubious ownership" in said.err, "safe.directory" in said.err) == (1, True, True)


def test_a_git_that_is_not_installed_is_named(paid: Scratch, monkeypatch: pytest.MonkeyPatch) -> None:
    lost(paid, committed=True)
    with monkeypatch.context() as without:
        without.setenv("PATH", "/nonexistent")
        held(paid, "git cannot be run")


def test_what_is_in_no_place_of_a_whole_repository_is_lost(paid: Scratch) -> None:
    lost(paid, committed=False)
    assert paid.plan()["hero"] == ("hold", "OutputLost")
    assert "`reconciler apply --regenerate-missing`" in paid.done("plan").out


@pytest.mark.parametrize("line", ["\n", "\r\n"], ids=["LF", "CRLF"])
def test_pointers_are_current_but_apply_and_a_strict_check_say_that_they_are_no_images(
    paid: Scratch, line: str
) -> None:
    for name in ("hero", "pair"):
        image = paid.read(f"assets/{name}.png")
        paid.write(f"assets/{name}.png", pointer(content_hash(image), len(image)).replace("\n", line))
    says = "2 outputs are Git LFS pointers, and no images: assets/hero.png, assets/pair.png"
    for command in (("apply", "--yes"), ("check", "--strict")):
        said = paid.done(*command)
        assert said.out == "nothing to do: 3 assets up to date\n"
        assert says in said.err
        assert "`git lfs pull`" in said.err
    assert paid.done("check").err == ""


def test_ignored_drafts_are_drawn_again_in_a_clone(project: Scratch, monkeypatch: pytest.MonkeyPatch) -> None:
    project.write(".gitignore", "/.reconciler/\n/assets/\n")
    project.git("init", "-q", "-b", "main", ".")
    project.git("add", "-A")
    project.git("commit", "-qm", "without images")
    before, lock = project.snapshot(), project.read("assets.lock")
    clone = cloned(project, monkeypatch)
    assert clone.plan() == dict.fromkeys(("hero", "mascot", "pair"), ("generate", "OutputLost"))
    assert clone.done("apply").out == "made 3 (0 USD)\n"
    drawn = {name: data for name, data in clone.snapshot().items() if name.startswith("assets/")}
    assert drawn == {name: data for name, data in before.items() if name.startswith("assets/")}
    assert clone.git("status", "--short") in ("", " M assets.lock\n")  # a draft drawn in another second
    assert clone.run("check").code == 0
    assert len(clone.read("assets.lock")) == len(lock)
