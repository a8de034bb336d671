"""What holds for every command, and the first things one does: validate, plan, apply, check."""

from __future__ import annotations

import json

import pytest

from reconciler.cli.main import COMMANDS
from tests.cli.conftest import HERO, Scratch, picture


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_with_an_example(scratch: Scratch, name: str) -> None:
    out = scratch.done(name, "--help").out
    assert "Example:  " in out
    assert out.startswith(f"Usage: reconciler {name}")


def test_help_lists_every_command(scratch: Scratch) -> None:
    out = scratch.done("--help").out
    assert all(f"  {name} " in out for name in COMMANDS)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["chekc"], 'did you mean "check"'),
        (["plan", "--nonsense"], "--nonsense"),
        (["plan", "--format", "xml"], "xml"),
        (["show"], "ID..."),
        (["adopt"], "ID..."),
        (["apply", "--max-cost", "dear"], "is not an amount"),
        (["restore", "--wait", "-1", "hero"], "--wait"),
    ],
)
def test_bad_usage_is_exit_1_with_words(project: Scratch, arguments: list[str], words: str) -> None:
    before = project.snapshot()
    said = project.run(*arguments)
    assert (said.code, said.out, words in said.err, "Traceback" in said.err) == (1, "", True, False), said
    assert project.snapshot() == before


@pytest.mark.parametrize("command", ["validate", "plan", "check", "apply", "show x", "explain x", "adopt x", "prune"])
def test_no_project_is_said_with_a_hint(scratch: Scratch, command: str) -> None:
    said = scratch.run(*command.split())
    assert (said.code, "no reconciler.yaml" in said.err, "`reconciler init`" in said.err) == (1, True, True)
    assert list(scratch.root.iterdir()) == []


@pytest.mark.parametrize("command", ["plan", "check", "apply --yes", "show x", "explain x", "adopt x", "prune"])
def test_wrong_specs_stop_every_command_with_all_their_problems(project: Scratch, command: str) -> None:
    project.write("specs/a.yaml", "promt: A tree\nsize: wide\n")
    project.write("specs/b.yaml", "prompt: [\n")
    before = project.snapshot()
    said = project.run(*command.split())
    assert (said.code, said.out) == (1, "")
    for words in ("specs/a.yaml:1:1: promt:", 'did you mean "prompt"?', "specs/a.yaml:2:1: size:", "specs/b.yaml:"):
        assert words in said.err
    assert project.snapshot() == before


def test_validate_tells_problems_to_programs_too(project: Scratch) -> None:
    told = project.done("validate", "--format", "json").json
    assert (told["valid"], told["assets"], told["problems"]) == (True, 3, [])
    project.write("specs/pair.yaml", "prompt: Two\nreferences: [refs/none.png]\nsize: '1'\n")
    said = project.run("validate", "--format", "json")
    assert (said.code, said.json["valid"]) == (1, False)
    first = said.json["problems"][0]
    assert (first["file"], first["line"], first["field"]) == ("specs/pair.yaml", 3, "size")
    project.write("specs/pair.yaml", "prompt: Two\nreferences: [refs/none.png]\n")
    said = project.run("validate")
    assert (said.code, 'there is no file "refs/none.png"' in said.err) == (1, True)


def test_plan_and_check_agree_and_write_nothing(project: Scratch) -> None:
    project.edit("specs/hero.yaml", "dusk", "dawn")
    before = project.snapshot()
    assert project.run("check").code == 2
    assert project.run("check", "--quiet").out == ""
    assert project.run("plan").code == 0
    assert project.run("plan", "--exit-code").code == 2
    assert project.run("plan", "--exit-code", "--exclude", "hero").code == 0
    told = project.run("check", "--format", "json").json
    assert (told["clean"], [step["asset"] for step in told["steps"]]) == (False, ["hero"])
    assert project.snapshot() == before


def test_apply_does_only_what_is_selected_and_tells_programs_line_by_line(project: Scratch) -> None:
    project.edit("specs/hero.yaml", "dusk", "dawn")
    project.edit("specs/mascot.yaml", "round", "square")
    hero = project.read("assets/hero.png")
    out = project.done("apply", "--yes", "--include", "mascot", "--format", "json").out
    *events, end = [json.loads(line) for line in out.splitlines()]
    assert {event["asset"] for event in events} == {"mascot"}
    assert (end["event"], end["counts"]) == ("end", {"made": 1})
    (end,) = project.done("apply", "--include", "mascot", "--format", "json").out.splitlines()
    assert json.loads(end)["event"] == "end"
    assert project.read("assets/hero.png") == hero
    assert project.plan() == {"hero": ("generate", "RecipeChanged"), "pair": ("generate", "UpstreamChanged")}


def test_replace_overwrites_a_persons_bytes_only_once_they_are_kept(project: Scratch) -> None:
    project.write("assets/hero.png", picture())
    assert project.run("apply", "--yes").code == 3
    project.done("apply", "--yes", "--replace", "hero")
    assert project.read("assets/hero.png") != picture()
    assert project.stored(picture())
    assert project.run("apply", "--replace", "nobody").code == 1


def test_paid_work_is_not_begun_where_nobody_agreed(project: Scratch, monkeypatch: pytest.MonkeyPatch) -> None:
    project.edit("reconciler.yaml", "provider: draft", "provider: gravitex")
    project.edit("reconciler.yaml", "image_size: '512'", "model: some-model")
    monkeypatch.setenv("GRAVITEX_API_KEY", "sk-never-used")
    before = project.snapshot()
    said = project.run("apply")
    assert (said.code, "pass --yes" in said.err) == (3, True)
    monkeypatch.setenv("CI", "true")
    said = project.run("apply", "--yes")
    assert (said.code, "in CI a budget is required" in said.err) == (3, True)
    assert project.snapshot() == before


@pytest.mark.parametrize("command", ["validate", "plan", "explain *", "show *", "apply --yes", "adopt *", "prune -y"])
@pytest.mark.parametrize("char", ["\x1b", "\x9b", "\u202e"])
def test_no_words_of_a_project_steer_the_terminal(project: Scratch, command: str, char: str) -> None:
    evil = f"{char}[2Jx"
    said = [project.run(*command.split())]
    project.write(f"specs/{evil}.yaml", f"{HERO}vars: {{}}\n")
    said.append(project.run(*command.split()))
    key, value = json.dumps(evil), json.dumps(f"{evil} ${{{evil}}}")
    project.write(f"specs/deep {evil}/a.yaml", f"{key}: 1\nprompt: {value}\nsize: {value}\nstyle: [{key}]\n")
    project.write("specs/m.yaml", f"assets: {{{key}: {{prompt: {value}, references: [{key}, {{asset: {key}}}]}}}}\n")
    project.write("specs/z.yaml", f"prompt: a ${{x}}\nmatrix: {{x: [{key}], exclude: [{{{key}: 1}}]}}\nid: {value}\n")
    said.append(project.run(*command.split()))
    (project.root / f"specs/deep {evil}/a.yaml").unlink()
    project.write("specs/z.yaml", f"prompt: a\nreferences: [{key}, {{asset: {key}}}]\ntags: [{key}]\noutput: {key}\n")
    said.append(project.run(*command.split()))
    assert [one.code for one in said[2:]] == [1, 1]
    assert all(char not in one.out + one.err and one.code != 70 for one in said), said
