"""`init`: a project that works at once, and nothing of a person's overwritten."""

from __future__ import annotations

import json
import re

import pytest
import yaml

from reconciler.cli.main import COMMANDS
from tests.cli.conftest import Scratch, picture


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
    scratch.write("refs/coast.png", picture())
    assert set(scratch.plan()) == {"example", "mascot"}


def test_a_project_above_is_mentioned(scratch: Scratch) -> None:
    scratch.done("init")
    (scratch.root / "inner").mkdir()
    assert "is independent of it" in scratch.done("-C", "inner", "init").err
    assert (scratch.root / "inner/reconciler.yaml").exists()
    said = scratch.run("-C", "nowhere", "init")
    assert (said.code, "there is no folder" in said.err) == (1, True)


def test_the_example_project_is_made_for_nothing(scratch: Scratch) -> None:
    said = scratch.done("init", "--example", "--schemas")
    assert "More:" not in said.out
    assert scratch.done("validate").out == "all specs are valid: 8 assets\n"
    assert scratch.done("apply", "--yes").out == "made 8 (0 USD)\n"
    scratch.done("check")


@pytest.mark.parametrize("spec", ["specs/hero.yaml", "specs/icons/items.yaml"])
def test_the_schema_that_a_spec_names_is_there_and_of_this_version(scratch: Scratch, spec: str) -> None:
    scratch.done("init", "--example", "--schemas")
    first = scratch.read(spec).decode().splitlines()[0]
    named = (scratch.root / spec).parent / first.partition("$schema=")[2]
    assert named.resolve().read_text() == scratch.done("schema", "spec").out
    named.resolve().write_text('{"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "an older one"}')
    assert "wrote   schemas/spec.schema.json" in scratch.done("init", "--schemas").out
    assert named.resolve().read_text() == scratch.done("schema", "spec").out


def test_a_persons_file_in_the_place_of_a_schema_stays(scratch: Scratch) -> None:
    scratch.write("schemas/spec.schema.json", "mine")
    assert "kept    schemas/spec.schema.json" in scratch.done("init", "--schemas").out
    assert scratch.read("schemas/spec.schema.json") == b"mine"


@pytest.mark.parametrize("provider", ["gravitex", "gemini", "openai"])
def test_a_provider_comes_with_a_model_and_a_limit_that_lets_one_image_through(scratch: Scratch, provider: str) -> None:
    scratch.done("init", "--provider", provider)
    assert "1 to generate" in scratch.done("plan").out
    assert "budget:\n  " in scratch.read("reconciler.yaml").decode()


def test_images_go_into_git_lfs(scratch: Scratch) -> None:
    scratch.git("init", "-q", ".")
    scratch.done("init", "--lfs")
    for output in ("assets/a.png", "assets/icons/b.webp"):
        assert f"{output}: filter: lfs" in scratch.git("check-attr", "filter", output)
    assert "unspecified" in scratch.git("check-attr", "filter", "refs/a.png")


def test_hooks_and_ci_jobs_are_valid_yaml_that_checks(scratch: Scratch) -> None:
    scratch.done("init", "--pre-commit", "--ci", "github")
    scratch.done("init", "--ci", "gitlab")
    hook = yaml.safe_load(scratch.read(".pre-commit-config.yaml"))["repos"][0]["hooks"][0]
    assert (hook["entry"], hook["pass_filenames"]) == ("reconciler check", False)
    steps = yaml.safe_load(scratch.read(".github/workflows/assets.yaml"))["jobs"]["assets"]["steps"]
    assert steps[-1]["run"] == "reconciler check --strict"
    assert yaml.safe_load(scratch.read(".gitlab-ci.yml"))["assets"]["script"][-1] == "reconciler check --strict"
    assert scratch.done("init", "--pre-commit").out.count("kept") == 5


@pytest.mark.parametrize("name", ["spec", "project", "defaults", "styles", "lockfile"])
def test_the_fields_are_listed_within_80_columns(scratch: Scratch, name: str) -> None:
    lines = scratch.done("schema", name, "--doc").out.splitlines()
    assert max(map(len, lines)) <= 80
    assert len(lines) > 3 or name in ("styles", "defaults")


def test_the_fields_of_a_spec_and_of_the_project_are_all_there(scratch: Scratch) -> None:
    listed = scratch.done("schema", "spec", "--doc").out
    properties = json.loads(scratch.done("schema", "spec").out)["$defs"]["asset"]["properties"]
    assert all(f"\n{name}: " in listed for name in properties)
    listed = scratch.done("schema", "project", "--doc").out
    assert "\nproviders.NAME.base_url: text\n" in listed and "\nbudget.per_run: " in listed


def test_examples_of_the_help_survive_a_copy_at_80_columns(scratch: Scratch, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    for name in COMMANDS:
        lines = scratch.done(name, "--help").out.splitlines()
        examples = [line for line in lines if line.strip().startswith("Example:")]
        assert len(examples) == 1, name
        assert lines[-1] == examples[0], f"{name}: its example is wrapped"
