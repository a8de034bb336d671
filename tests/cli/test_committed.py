"""`check --committed`: a clone gets every locked image, or the check says which one it would not get."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from reconciler.core.digest import content_hash
from tests.cli.conftest import Scratch, picture, pointer


@pytest.fixture(autouse=True)
def only_this_git(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No configuration of the machine."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")


@pytest.fixture(name="committed", params=["sha1", "sha256"])
def in_a_commit(project: Scratch, request: pytest.FixtureRequest) -> Scratch:
    """Three images, all committed. The check is clean."""
    project.write(".gitignore", ".reconciler/\n")
    project.git("init", "-q", "-b", "main", f"--object-format={request.param}", ".")
    commit(project)
    assert missing(project) == []
    return project


def commit(project: Scratch, *paths: str) -> None:
    project.git("add", *(paths or ("-A",)))
    project.git("commit", "-qm", "a commit")


def missing(project: Scratch, *options: str) -> list[str]:
    """The outputs that are in no commit, by a check that finds no other drift."""
    said = project.run("check", "--format", "json", *(options or ("--committed",)))
    found: list[str] = said.json["uncommitted"]
    assert (said.code, said.json["clean"], said.json["steps"]) == (2 if found else 0, not found, [])
    return found


def new_tree(project: Scratch) -> None:
    project.write("specs/tree.yaml", "prompt: A tree\n")
    project.done("apply", "--yes")


def test_an_image_that_is_in_no_commit_is_drift_although_all_is_up_to_date(committed: Scratch) -> None:
    new_tree(committed)
    commit(committed, "specs", "assets.lock")
    assert committed.run("check", "--strict").code == 0
    said = committed.run("check", "--committed")
    assert said.code == 2
    assert "1 locked image is not in the commit that is checked out: assets/tree.png" in said.out
    committed.git("add", "-A")
    assert missing(committed) == ["assets/tree.png"]  # staged is not committed
    commit(committed)
    assert missing(committed) == []


def test_an_image_that_was_made_anew_is_not_the_one_in_the_commit(committed: Scratch) -> None:
    committed.edit("specs/hero.yaml", "dusk", "dawn")
    committed.done("apply", "--yes")
    commit(committed, "specs", "assets.lock")
    assert missing(committed) == ["assets/hero.png"]
    assert missing(committed, "--committed", "--include", "mascot") == []


def test_what_git_ignores_need_not_be_committed(committed: Scratch) -> None:
    new_tree(committed)
    committed.write(".gitignore", ".reconciler/\n/assets/tree.png\n/assets/hero.png\n")
    committed.edit("specs/hero.yaml", "dusk", "dawn")
    committed.done("apply", "--yes")
    assert missing(committed) == ["assets/hero.png"]  # git does not ignore a file that it tracks


def test_before_the_first_commit_all_are_missing(project: Scratch) -> None:
    project.git("init", "-q", ".")
    assert missing(project) == ["assets/hero.png", "assets/mascot.png", "assets/pair.png"]


@pytest.mark.parametrize("line", ["\n", "\r\n"], ids=["LF", "CRLF"])
@pytest.mark.parametrize("pulled", [True, False])
def test_a_committed_pointer_is_its_image(committed: Scratch, pulled: bool, line: str) -> None:
    image = committed.read("assets/hero.png")
    committed.write("assets/hero.png", pointer(content_hash(image), len(image)))
    commit(committed)
    if pulled:
        committed.write("assets/hero.png", image)
    else:
        committed.write("assets/hero.png", pointer(content_hash(image), len(image)).replace("\n", line))
    assert missing(committed) == []
    committed.write("assets/hero.png", pointer(content_hash(b"other")))
    commit(committed)
    committed.write("assets/hero.png", image)
    assert missing(committed) == ["assets/hero.png"]


def test_a_project_below_the_root_of_the_repository_and_links_inside_it(
    scratch: Scratch, monkeypatch: pytest.MonkeyPatch
) -> None:
    scratch.git("init", "-q", ".")
    game = Scratch(scratch.root / "the game", scratch._capsys)
    game.root.mkdir()
    monkeypatch.chdir(game.root)
    game.write("reconciler.yaml", "provider: draft\noutputs: art\ndefaults: {image_size: '512'}\n")
    game.write("specs/hero.yaml", 'prompt: A lighthouse\noutput: "art/h\u00e9ro [1].png"\n')
    (game.root / "pictures").mkdir()
    (game.root / "art").symlink_to("pictures")
    game.done("apply", "--yes")
    assert missing(game) == ["art/h\u00e9ro [1].png"]
    commit(game)
    assert missing(game) == []


def test_images_in_a_submodule_are_in_its_commits(scratch: Scratch) -> None:
    scratch.write("reconciler.yaml", "provider: draft\ndefaults: {image_size: '512'}\n")
    scratch.write("specs/hero.yaml", "prompt: A lighthouse\n")
    scratch.write(".gitignore", ".reconciler/\n")
    scratch.git("init", "-q", ".")
    scratch.git("init", "-q", "assets")
    scratch.git("-C", "assets", "commit", "-q", "--allow-empty", "-m", "empty")
    scratch.git("-c", "advice.addEmbeddedRepo=false", "add", "assets")
    scratch.done("apply", "--yes")
    commit(scratch)
    assert missing(scratch) == ["assets/hero.png"]
    scratch.git("-C", "assets", "add", "hero.png")
    scratch.git("-C", "assets", "commit", "-qm", "the image")
    assert missing(scratch) == []


def test_no_filter_runs_and_an_encrypted_image_is_not_reported(committed: Scratch) -> None:
    committed.write(".gitattributes", "assets/hero.png filter=secret\n")
    committed.git("config", "filter.secret.clean", "rev; touch ran")
    committed.git("config", "filter.secret.smudge", "rev")
    committed.edit("specs/hero.yaml", "dusk", "dawn")
    committed.done("apply", "--yes")
    commit(committed)
    (committed.root / "ran").unlink()
    assert missing(committed) == []
    assert not (committed.root / "ran").exists()


def test_in_a_partial_clone_and_in_a_shallow_one(committed: Scratch, monkeypatch: pytest.MonkeyPatch) -> None:
    committed.git("config", "uploadpack.allowFilter", "true")
    for option in ("--filter=blob:none", "--depth=1"):
        clone = committed.root.parent / option.strip("-").replace(":", "")
        subprocess.run(["git", "clone", "-q", option, committed.root.as_uri(), str(clone)], check=True)
        monkeypatch.chdir(clone)
        assert missing(Scratch(clone, committed._capsys)) == []


class TestInCi:
    @pytest.fixture(autouse=True)
    def ci(self, monkeypatch: pytest.MonkeyPatch, committed: Scratch) -> None:
        monkeypatch.setenv("CI", "true")
        committed.write("assets/hero.png", picture())
        committed.done("adopt", "hero")

    def test_it_is_on(self, committed: Scratch) -> None:
        assert missing(committed, "--strict") == ["assets/hero.png"]

    def test_it_can_be_switched_off(self, committed: Scratch) -> None:
        said = committed.done("check", "--no-committed", "--format", "json")
        assert "uncommitted" not in said.json

    def test_a_git_that_refuses_is_a_warning_unless_it_was_asked_for(
        self, committed: Scratch, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
        said = committed.done("check")
        assert "warning: no check for images that are not committed: git: detected dubious ownership" in said.err
        assert "git config --global --add safe.directory" in said.err
        said = committed.run("check", "--committed")
        assert (said.code, "--committed: git: detected dubious ownership" in said.err) == (1, True)


def test_outside_a_repository_it_is_off_in_ci_and_an_error_where_it_was_asked_for(
    project: Scratch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CI", "true")
    assert project.done("check").err == ""
    said = project.run("check", "--committed")
    assert (said.code, said.err) == (1, "--committed: the project is in no git repository\n")


def test_a_plain_check_asks_no_git(committed: Scratch, monkeypatch: pytest.MonkeyPatch) -> None:
    new_tree(committed)
    committed.done("check")
    monkeypatch.setenv("PATH", "/nonexistent")
    assert "uncommitted" not in committed.done("check", "--format", "json").json
    assert committed.done("check", "--strict").err == ""


def test_a_derived_file_that_is_in_no_commit_is_missing_too(committed: Scratch) -> None:
    rules = "web: {widths: [32], formats: [png], output: 'public/${name}-${width}.${ext}'}\n"
    rules += "local: {widths: [16], formats: [png], commit: false, output: 'build/${name}.${ext}'}\n"
    committed.write("specs/_derive.yaml", rules)
    committed.edit("specs/hero.yaml", "size:", "derive: [web, local]\nsize:")
    committed.done("derive")
    commit(committed, "specs", "derived.lock")
    said = committed.run("check", "--committed")
    assert said.code == 2
    assert "1 derived file is not in the commit that is checked out: public/hero-32.png" in said.out
    assert "hint: commit the files together with derived.lock, or let git ignore them" in said.out
    assert missing(committed) == ["public/hero-32.png"]
    assert missing(committed, "--committed", "--built") == ["public/hero-32.png"], "git ignores the other one"
    (line,) = committed.run("check", "--committed", "--format", "github").out.splitlines()
    assert line.startswith("::error file=derived.lock,") and "public/hero-32.png is not in the commit" in line
    assert missing(committed, "--committed", "--include", "mascot") == []
    commit(committed)
    assert missing(committed) == []
