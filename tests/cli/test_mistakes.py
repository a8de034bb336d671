"""Slips that would cost pictures or money if they passed: a wrong folder, a pattern without a match, an odd name."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from reconciler.core.digest import content_hash
from tests.cli.conftest import PROJECT, Scratch, picture, pointer


@pytest.mark.parametrize("name", [b"a\xff.yaml", b"b\xff/a.yaml"])
def test_a_file_whose_name_is_no_text_is_refused_before_anything_is_made(project: Scratch, name: bytes) -> None:
    path = os.fsencode(project.root / "specs") + b"/" + name
    os.makedirs(os.path.dirname(path), exist_ok=True)
    Path(os.fsdecode(path)).write_text("prompt: x\n")
    said = project.run("apply", "--yes")
    assert (said.code, "the file's name is not valid UTF-8" in said.err, "Traceback" in said.err) == (1, True, False)
    os.unlink(path)
    assert project.run("check").code == 0


@pytest.mark.parametrize("command", ["validate", "check", "plan", "apply --yes", "prune --yes"])
def test_a_specs_folder_that_is_not_there_is_no_empty_project(project: Scratch, command: str) -> None:
    project.write("reconciler.yaml", f"{PROJECT}specs: spec\n")
    before = project.snapshot()
    said = project.run(*command.split())
    assert (said.code, 'reconciler.yaml:3:1: specs: there is no folder "spec"' in said.err) == (1, True), said
    assert project.snapshot() == before
    project.write("spec", "")
    assert 'specs: "spec" is not a folder' in project.run(*command.split()).err


def test_a_specs_folder_that_went_is_noticed_by_a_check_that_was_clean(project: Scratch) -> None:
    project.done("check")
    (project.root / "specs").rename(project.root / "elsewhere")
    assert 'reconciler.yaml:1:1: specs: there is no folder "specs"' in project.run("check").err


@pytest.mark.parametrize(
    ("option", "word", "hint"),
    [
        ("--include", "nosuch*", "`reconciler ls`"),
        ("--include", "heroo", 'did you mean "hero"?'),
        ("--include", "assets/her.png", 'did you mean "assets/hero.png"?'),
        ("--include", "tag:nosuch", ""),
        ("--exclude", "heroo", 'did you mean "hero"?'),
    ],
)
@pytest.mark.parametrize("command", ["plan", "check", "apply --yes"])
def test_a_pattern_without_a_match_is_an_error(
    project: Scratch, command: str, option: str, word: str, hint: str
) -> None:
    project.edit("specs/hero.yaml", "dusk", "dawn")
    before = project.snapshot()
    said = project.run(*command.split(), option, word)
    glob = "*" in word or word.startswith("tag:")
    fact = f'nothing matches "{word}"' if glob else f'no asset, folder or output is called "{word}"'
    assert (said.code, fact in said.err, hint in said.err) == (1, True, True), said
    assert project.snapshot() == before


def test_a_rule_to_exclude_may_have_nothing_to_do(project: Scratch) -> None:
    project.done("check", "--exclude", "wip/*", "--exclude", "tag:wip", "--exclude", "hero", "--include", "p*")


def test_a_wrong_directory_is_said_as_such(project: Scratch) -> None:
    assert project.run("-C", "/nonexist", "plan").err == "there is no folder /nonexist\n"
    assert project.run("-C", "reconciler.yaml", "plan").err == "reconciler.yaml is not a folder\n"


@pytest.mark.parametrize(
    ("written", "problem"),
    [
        ("providers:\n  gemini:\n    base_url: http://u:secret@a.com\n", "4:5: providers.gemini.base_url: must read"),
        ("providers:\n  gemini:\n    base_url: http://a.com\n", "4:5: providers.gemini.base_url: http://a.com is"),
        ("models:\n  m.1:\n    priices: {}\n", "4:5: models.m.1.priices: there is no such field"),
        ("models: {m.1: 3}\n", "2:10: models.m.1: "),
        ("budget: {per_run: -1}\n", "2:10: budget.per_run: "),
        ("outputs: specs/made\n", '2:1: outputs: "specs/made" lies in the folder of the specs'),
    ],
)
def test_the_project_file_is_told_where_it_is_wrong(scratch: Scratch, written: str, problem: str) -> None:
    scratch.write("reconciler.yaml", "provider: draft\n" + written)
    scratch.write("specs/a.yaml", "prompt: x\n")
    said = scratch.run("validate")
    assert (said.code, f"reconciler.yaml:{problem}" in said.err, "secret" in said.err) == (1, True, False), said


def test_each_picture_and_each_limit_has_its_own_place(scratch: Scratch) -> None:
    scratch.write("reconciler.yaml", "provider: gravitex\n")
    scratch.write("specs/a.yaml", "prompt: x\nmodel: some-model\nreferences:\n  - no.png\nmask: none.png\n")
    scratch.write("specs/b.yaml", 'prompt: x\nmodel: gemini-2.5-flash-image\nsize: "17:1"\n')
    said = scratch.run("validate")
    assert "specs/b.yaml:3:1: size: gemini-2.5-flash-image makes the ratios" in said.err
    scratch.write("reconciler.yaml", "provider: draft\n")
    said = scratch.run("validate")
    assert 'specs/a.yaml:4:5: references[0]: there is no file "no.png"' in said.err
    assert 'specs/a.yaml:5:1: mask: there is no file "none.png"' in said.err


def test_only_the_environment_allows_more_assets_than_a_stranger_may_ask_for(
    project: Scratch, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.write("reconciler.yaml", f"{PROJECT}limits: {{assets: 20001}}\n")
    said = project.run("validate")
    assert (said.code, "limits.assets: is 20,001, and a project file may allow at most 20,000" in said.err) == (1, True)
    assert "RECONCILER_MAX_ASSETS" in said.err
    monkeypatch.setenv("RECONCILER_MAX_ASSETS", "20001")
    assert project.run("validate").code == 0
    monkeypatch.setenv("RECONCILER_MAX_ASSETS", "many")
    said = project.run("validate")
    assert (said.code, "RECONCILER_MAX_ASSETS is not a whole number: many" in said.err) == (1, True)


def test_references_that_are_no_images_are_found_at_validate(scratch: Scratch) -> None:
    """By the bytes that are hashed anyway; a file of the right kind, and a Git LFS pointer to one, are fine."""
    scratch.write("reconciler.yaml", PROJECT)
    scratch.write("specs/a.yaml", "prompt: x\nreferences:\n  - refs/a.png\n  - refs/page.png\nmask: refs/anim.png\n")
    scratch.write("refs/a.png", picture())
    scratch.write("refs/page.png", "<!doctype html><title>404</title>")
    scratch.write("refs/anim.png", b"GIF89a" + bytes(100))
    for command in ("validate", "plan", "check"):
        said = scratch.run(command)
        assert said.code == 1
        assert 'specs/a.yaml:4:5: references[1]: "refs/page.png" is not a PNG, JPEG, WebP or AVIF image' in said.err
        assert 'specs/a.yaml:5:1: mask: "refs/anim.png" is not a PNG, JPEG, WebP or AVIF image' in said.err
        assert "refs/a.png" not in said.err
    scratch.write("refs/page.png", pointer(content_hash(picture())))
    scratch.write("refs/anim.png", picture(form="webp"))
    assert scratch.done("validate").err == ""


def test_a_reference_that_becomes_no_image_is_found_by_a_warm_check(scratch: Scratch) -> None:
    scratch.write("reconciler.yaml", PROJECT)
    scratch.write("specs/a.yaml", "prompt: x\nreferences: [refs/a.png]\n")
    scratch.write("refs/a.png", picture())
    scratch.done("apply", "--yes")
    scratch.done("check")
    scratch.write("refs/a.png", b"no image")
    assert scratch.run("check").code == scratch.run("check").code == 1
