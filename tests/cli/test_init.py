"""`init`: a project that works at once, and nothing of a person's overwritten."""

from __future__ import annotations

import re

import pytest

from tests.cli.conftest import Scratch


def test_init_apply_check_in_an_empty_folder(scratch: Scratch) -> None:
    said = scratch.done("init")
    assert "`reconciler apply`" in said.out.splitlines()[-1]
    assert "not in a git repository" in said.out
    assert {str(path.relative_to(scratch.root)) for path in scratch.root.rglob("*") if path.is_file()} == {
        "reconciler.yaml",
        "specs/example.yaml",
        ".gitignore",
        ".gitattributes",
    }
    assert scratch.done("validate").out == "all specs are valid: 1 asset\n"
    scratch.done("apply", "--yes")
    scratch.done("check")


def test_git_ignores_our_state_and_temps_and_normalises_the_lockfile(scratch: Scratch) -> None:
    scratch.git("init", "-q", ".")
    assert "git repository" not in scratch.done("init").out
    scratch.write(".reconciler/x", "")
    scratch.write("assets/.hero.png.reconciler-0123456789abcdef.tmp", "")
    scratch.write("assets.lock", "{}\n")
    status = scratch.git("status", "--short", "-uall")
    assert "assets.lock" in status
    assert "tmp" not in status
    assert ".reconciler" not in status
    attributes = scratch.git("check-attr", "-a", "assets.lock")
    assert "eol: lf" in attributes
    assert "linguist-generated: set" in attributes


def test_a_second_init_changes_nothing(scratch: Scratch) -> None:
    scratch.done("init")
    before = scratch.snapshot()
    said = scratch.done("init")
    assert said.out.count("kept  ") == 4
    assert scratch.snapshot() == before


def test_what_is_there_stays_and_only_missing_lines_are_added(scratch: Scratch) -> None:
    scratch.write("reconciler.yaml", "specs: wanted\n")
    scratch.write("wanted/tree.yaml", "prompt: A tree\n")
    scratch.write(".gitignore", "*.log\r\n.reconciler/")
    scratch.write(".gitattributes", "*.png binary")
    scratch.done("init")
    assert scratch.read("reconciler.yaml") == b"specs: wanted\n"
    assert not (scratch.root / "specs").exists()
    assert [path.name for path in (scratch.root / "wanted").iterdir()] == ["tree.yaml"]
    ignored = scratch.read(".gitignore")
    assert ignored.startswith(b"*.log\r\n.reconciler/\r\n#")
    assert ignored.count(b".reconciler/") == 1
    assert ignored.replace(b"\r\n", b"").count(b"\n") == 0
    lines = "*.png binary\nassets.lock text eol=lf linguist-generated\n"
    assert scratch.read(".gitattributes").decode() == lines


def test_a_link_is_not_replaced_by_a_file(scratch: Scratch) -> None:
    scratch.write("real", "*.log\n")
    (scratch.root / ".gitignore").symlink_to("real")
    (scratch.root / "reconciler.yaml").symlink_to("nowhere")
    said = scratch.done("init")
    assert (scratch.root / ".gitignore").is_symlink()
    assert (scratch.root / "reconciler.yaml").is_symlink()
    assert scratch.read("real") == b"*.log\n"
    assert said.out.count("kept") == 2


@pytest.mark.parametrize("provider", ["gravitex", "gemini", "openai"])
def test_the_commented_settings_are_right_once_they_count(scratch: Scratch, provider: str) -> None:
    scratch.done("init")
    text = scratch.read("reconciler.yaml").decode()
    text = re.sub(r"^provider: .*\n", "", text, flags=re.MULTILINE)
    text = re.sub(rf"^#(?!provider: (?!{provider}))(?=[a-z ]+.*:)(?! )", "", text, flags=re.MULTILINE)
    scratch.write("reconciler.yaml", text.replace("\n#  ", "\n  "))
    for line in ("provider: " + provider, "defaults:", "  local:", "budget:", "    api_key_env"):
        assert f"\n{line}" in scratch.read("reconciler.yaml").decode()
    assert scratch.done("plan", "--format", "json").json["cost"]["unknown"] == 0
    assert "local" in scratch.done("providers").out


def test_the_example_is_right_with_all_that_its_comments_offer(scratch: Scratch) -> None:
    scratch.done("init")
    scratch.edit("specs/example.yaml", "\n#model", "\nmodel")
    scratch.edit("specs/example.yaml", "\n#references:", "\nreferences:")
    scratch.edit("specs/example.yaml", "\n#  -", "\n  -")
    scratch.edit("specs/example.yaml", "\n#output", "\noutput")
    scratch.edit("specs/example.yaml", "\n#take", "\ntake")
    scratch.write("specs/mascot.yaml", "prompt: A robot\n")
    scratch.write("refs/coast.png", b"any bytes")
    assert set(scratch.plan()) == {"example", "mascot"}


def test_a_project_above_is_mentioned(scratch: Scratch) -> None:
    scratch.done("init")
    (scratch.root / "inner").mkdir()
    assert "is independent of it" in scratch.done("-C", "inner", "init").err
    assert (scratch.root / "inner/reconciler.yaml").exists()
    said = scratch.run("-C", "nowhere", "init")
    assert (said.code, "there is no folder" in said.err) == (1, True)
