"""Nothing is passed over in silence: files that look like specs, other names of the project file, an empty project."""

from __future__ import annotations

import os
import unicodedata

import pytest

from reconciler.store.index.snapshot import looks_like_spec
from tests.cli.conftest import PROJECT, Scratch


@pytest.fixture(autouse=True)
def a_project(scratch: Scratch) -> None:
    scratch.write("reconciler.yaml", PROJECT)


NFC, NFD = (unicodedata.normalize(form, "\u00e9") for form in ("NFC", "NFD"))


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("x.YAML", "rename it to x.yaml"),
        ("sub/x.Yml", "rename it to x.yml"),
        ("x.json", "rename it to x.yaml"),
        ("_stylez.yaml", 'did you mean "_styles"?'),
        ("_default.yml", 'did you mean "_defaults"?'),
    ],
)
def test_a_file_that_looks_like_a_spec_is_told_by_every_command(scratch: Scratch, name: str, hint: str) -> None:
    scratch.write("specs/hero.yaml", "prompt: A hero\n")
    scratch.done("apply", "--yes")
    assert scratch.done("check").err == ""
    scratch.write(f"specs/{name}", "prompt: A hero\n")
    for command in ("validate", "plan", "check", "check"):
        said = scratch.done(command)
        assert f"warning: specs/{name}: " in said.err, command
        assert hint in said.err
    (told,) = scratch.done("check", "--format", "json").json["warnings"]
    assert (told["file"], told["hint"]) == (f"specs/{name}", hint)


def test_a_link_to_a_folder_is_told_and_a_hidden_one_is_not(scratch: Scratch) -> None:
    scratch.write("specs/hero.yaml", "prompt: A hero\n")
    scratch.write("elsewhere/other.yaml", "prompt: Another\n")
    os.symlink("../elsewhere", scratch.root / "specs/linked")
    os.symlink("../elsewhere", scratch.root / "specs/.hidden")
    assert scratch.done("validate").err.count("warning:") == 1
    assert "specs/linked: a link to a folder is not followed" in scratch.done("validate").err


def test_other_files_in_the_folder_are_nobodys_business(scratch: Scratch) -> None:
    for name in ("hero.yaml", "README.md", "_notes.yaml", ".draft.yaml", "sketch.png"):
        scratch.write(f"specs/{name}", "prompt: A hero\n")
    assert scratch.done("validate").err == ""
    assert not looks_like_spec("hero.yaml")


def test_two_files_of_defaults_in_one_folder_are_an_error(scratch: Scratch) -> None:
    scratch.write("specs/hero.yaml", "prompt: A hero\n")
    for suffix in ("yaml", "yml"):
        scratch.write(f"specs/_defaults.{suffix}", "tags: [a]\n")
    said = scratch.run("validate")
    assert said.code == 1
    assert "specs/_defaults.yml: specs/_defaults.yaml is beside it" in said.err


def test_a_project_file_under_another_name_is_told(scratch: Scratch) -> None:
    scratch.write("specs/hero.yaml", "prompt: A hero\n")
    scratch.done("apply", "--yes")
    scratch.write("reconciler.yml", "provider: draft\n")
    assert "warning: reconciler.yml: is not read" in scratch.done("check").err
    os.remove(scratch.root / "reconciler.yaml")
    said = scratch.run("plan")
    assert said.code == 1
    assert f"hint: rename {scratch.root / 'reconciler.yml'} to reconciler.yaml" in said.err


@pytest.mark.parametrize("command", ["validate", "plan", "check", "apply"])
def test_a_project_without_assets_says_so(scratch: Scratch, command: str) -> None:
    assert "no assets: no spec was found" in scratch.done(command).out


def test_names_that_differ_in_their_unicode_form_are_told(scratch: Scratch) -> None:
    for name in (NFC, NFD):
        scratch.write(f"specs/{name}.yaml", f"prompt: A hero\noutput: assets/{len(name)}.png\n")
    said = scratch.run("validate")
    assert said.code == 1
    assert "in its Unicode form only (NFC, NFD)" in said.err
    os.remove(scratch.root / f"specs/{NFD}.yaml")
    scratch.write("specs/a.yaml", f"prompt: A hero\nreferences: [{{asset: {NFD}}}]\n")
    assert "the same name is there in another Unicode form" in scratch.run("validate").err
    scratch.write(f"refs/{NFC}.png", b"x")
    scratch.write("specs/a.yaml", f"prompt: A hero\nreferences: [refs/{NFD}.png]\n")
    assert "the same name is there in another Unicode form" in scratch.run("validate").err


def test_a_lockfile_that_windows_rewrote_is_read(scratch: Scratch) -> None:
    scratch.write("specs/hero.yaml", "prompt: A hero\n")
    scratch.done("apply", "--yes")
    scratch.write("assets.lock", b"\xef\xbb\xbf" + scratch.read("assets.lock").replace(b"\n", b"\r\n"))
    assert scratch.done("check").out == "nothing to do: 1 asset up to date\n"
    scratch.write("specs/hero.yaml", "prompt: A heroine\n")
    scratch.done("apply", "--yes")
    assert b"\r" not in scratch.read("assets.lock")


def test_both_sides_of_a_conflict_with_crlf_are_read(scratch: Scratch) -> None:
    scratch.write("specs/hero.yaml", "prompt: A hero\n")
    scratch.done("apply", "--yes")
    lines = scratch.read("assets.lock").decode().splitlines()
    made = next(at for at, line in enumerate(lines) if '"hero"' in line)
    entry = lines[made : made + 7]
    both = [*lines[:made], "<<<<<<< ours", *entry, "=======", *entry, ">>>>>>> theirs", *lines[made + 7 :]]
    scratch.write("assets.lock", "\r\n".join([*both, ""]).encode())
    assert "contains both sides of a merge" in scratch.run("check").out
