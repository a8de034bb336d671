"""`plan -o FILE`, then `apply --plan FILE`: what the file says, less, or nothing."""

from __future__ import annotations

import json

import pytest

from reconciler.testing.gateway import running
from tests.cli.conftest import Scratch, picture
from tests.cli.paid_project import PaidProject


@pytest.fixture
def changed(project: Scratch) -> Scratch:
    """All three are to be made again, and the plan of that is in plan.json."""
    project.edit("specs/hero.yaml", "dusk", "dawn")
    project.edit("specs/mascot.yaml", "round", "square")
    project.done("plan", "-o", "plan.json")
    return project


def test_a_plan_is_done_as_it_was_written(changed: Scratch) -> None:
    steps = {step["asset"]: step for step in json.loads(changed.read("plan.json"))["steps"]}
    assert steps["hero"]["recipe"].startswith("r1:")
    assert steps["hero"]["replacing"] == changed.lock["hero"]["content"]
    changed.done("apply", "--yes", "--plan", "plan.json")
    assert changed.plan() == {}
    assert changed.lock["hero"]["recipe"]["key"] == steps["hero"]["recipe"]


def test_what_is_done_already_is_dropped_and_what_came_later_is_left_alone(changed: Scratch) -> None:
    changed.done("apply", "--yes", "--include", "hero")
    changed.write("specs/new.yaml", "prompt: A new thing\n")
    said = changed.run("apply", "--yes", "--plan", "plan.json")
    assert said.out == "made 2 (0 USD)\n"
    assert "not in the saved plan, so not done: new" in said.err
    assert "1 saved step already done" in said.err
    assert set(changed.plan()) == {"new"}


@pytest.mark.parametrize(
    "odd",
    [
        {"max_cost": "abc"},
        {"max_cost": "NaN"},
        {"max_cost": 1.5},
        {"max_images": -1},
        {"candidates": "x"},
        {"candidates": 0},
        {"include": 5},
        {"exclude": "hero"},
        {"replace": [[1]]},
        {"draft": "no"},
        {"cascade": []},
    ],
)
def test_options_that_nobody_could_have_said_make_no_plan(changed: Scratch, odd: dict[str, object]) -> None:
    plan = json.loads(changed.read("plan.json"))
    changed.write("plan.json", json.dumps(plan | {"options": plan["options"] | odd}))
    said = changed.run("apply", "--yes", "--plan", "plan.json")
    assert (said.code, "plan.json is not a saved plan" in said.err) == (1, True)


@pytest.mark.parametrize(
    ("file", "old", "new", "says"),
    [
        ("specs/hero.yaml", "dawn", "noon", "hero: its recipe has changed: r1:"),
        ("specs/hero.yaml", "prompt:", "output: web/hero.png\nprompt:", "hero: its output has moved"),
        ("specs/hero.yaml", "dawn", "dusk", "saved step already done"),
        ("specs/pair.yaml", "Two of", "Three of", "pair: its spec has changed: r1:"),
        ("reconciler.yaml", "provider: draft", "provider: toy\nproviders: {toy: {type: draft}}", "hero: its provider"),
    ],
)
def test_a_spec_that_was_edited_meanwhile_stops_the_whole(
    changed: Scratch, file: str, old: str, new: str, says: str
) -> None:
    changed.edit(file, old, new)
    lock = changed.read("assets.lock")
    said = changed.run("apply", "--yes", "--plan", "plan.json")
    assert says in said.err
    if "already done" not in says:
        assert (said.code, changed.read("assets.lock")) == (1, lock)


def test_an_output_that_was_painted_meanwhile_stops_the_whole(changed: Scratch) -> None:
    changed.write("assets/hero.png", picture())
    said = changed.run("apply", "--yes", "--plan", "plan.json")
    assert (said.code, changed.read("assets/hero.png")) == (1, picture())
    assert "hero: generate in the plan, conflict now" in said.err


def test_the_words_of_what_waits_for_another_picture_are_held_to_as_well(project: Scratch) -> None:
    project.edit("specs/mascot.yaml", "round", "square")
    project.edit("specs/pair.yaml", "Two", "Three")
    project.done("plan", "-o", "plan.json")
    project.edit("specs/pair.yaml", "Three", "Four")
    assert "pair: its spec has changed" in project.run("apply", "--yes", "--plan", "plan.json").err
    project.edit("specs/pair.yaml", "Four", "Three")
    project.done("apply", "--yes", "--include", "mascot")  # now the recipe of `pair` has a key
    assert project.done("apply", "--yes", "--plan", "plan.json").out == "made 1 (0 USD)\n"


def test_what_was_held_is_not_made_by_an_edit(project: Scratch) -> None:
    project.write("assets/pair.png", picture())
    project.done("adopt", "pair")
    project.edit("specs/mascot.yaml", "round", "square")
    project.done("plan", "-o", "plan.json")
    project.edit("specs/pair.yaml", "Two of", "Three of")
    said = project.run("apply", "--yes", "--plan", "plan.json")
    assert (said.code, said.out) == (3, "made 1 (0 USD), held 1\n")
    assert project.read("assets/pair.png") == picture()


def test_the_plan_keeps_what_it_was_asked_with(project: Scratch) -> None:
    project.edit("specs/hero.yaml", "dusk", "dawn")
    project.edit("specs/mascot.yaml", "round", "square")
    project.done("plan", "--include", "mascot", "--replace", "mascot", "-o", "plan.json")
    assert project.run("apply", "--yes", "hero", "--plan", "plan.json").code == 1
    assert project.done("apply", "--yes", "--plan", "plan.json").out == "made 1 (0 USD)\n"
    assert "hero" in project.plan()


@pytest.mark.parametrize("text", ["", "{}", '{"plan": 1, "steps": []}', '{"plan": 2}', "[" * 9999, '{"lockfile": 1}'])
def test_nothing_but_a_plan_is_read_or_overwritten(project: Scratch, text: str) -> None:
    project.write("plan.json", text)
    for command in (("plan", "-o", "plan.json"), ("apply", "--yes", "--plan", "plan.json")):
        said = project.run(*command)
        assert (said.code, "is not a saved plan" in said.err) == (1, True)
    assert project.read("plan.json") == text.encode()
    assert project.run("apply", "--yes", "absent.json").code == 1


@pytest.mark.parametrize("include", [["[" * 1_000_000], [f"*{number}*" for number in range(101)]])
def test_a_plan_of_a_stranger_has_few_short_globs(changed: Scratch, include: list[str]) -> None:
    plan = json.loads(changed.read("plan.json"))
    plan["options"]["include"] = include
    changed.write("plan.json", json.dumps(plan))
    said = changed.run("apply", "--yes", "--plan", "plan.json")
    assert (said.code, "plan.json is not a saved plan" in said.err) == (1, True)


def test_an_older_plan_is_overwritten(changed: Scratch) -> None:
    before = changed.read("plan.json")
    changed.edit("specs/hero.yaml", "dawn", "noon")
    changed.done("plan", "-o", "plan.json")
    assert changed.read("plan.json") != before


def test_the_file_lies_where_the_command_works(changed: Scratch, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(changed.root.parent)
    changed.done("-C", str(changed.root), "plan", "-o", "other.json")
    assert changed.run("-C", str(changed.root), "apply", "--yes", "--plan", "other.json").code == 0


def test_a_price_that_has_changed_stops_the_whole_before_anything_is_paid(
    scratch: Scratch, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with running() as fake:
        monkeypatch.setenv("SHOP_KEY", fake.key)
        paid = PaidProject(scratch.root, capsys, fake)
        paid.set_up(hero="A lighthouse")
        paid.done("plan", "-o", "plan.json", "--max-cost", "1")
        project = json.loads(paid.read("reconciler.yaml"))
        dearer = project | {"models": {project["defaults"]["model"]: {"prices": {"": "0.5"}}}}
        paid.write("reconciler.yaml", json.dumps(dearer))
        said = paid.apply("--plan", "plan.json")
        assert (said.code, paid.asked) == (1, 0), said
        assert "hero: its price has changed: 0.039 USD in the plan, 0.5 USD now" in said.err
        paid.write("reconciler.yaml", json.dumps(project))
        assert (paid.apply("--plan", "plan.json").code, paid.asked) == (0, 1)
