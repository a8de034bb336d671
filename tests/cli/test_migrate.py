"""`migrate`: a retired model gets its successor's name; nothing is stale, and nothing is bought."""

from __future__ import annotations

import random

import pytest

from reconciler.core.digest import recipe_key
from reconciler.core.lock.lockfile import Lock, dumps, loads
from reconciler.core.specs.scalar_edit import edited_text, model_edits
from reconciler.core.value import replace
from reconciler.providers.models.table import model_table, successions
from tests.builders import a_document
from tests.cli.conftest import Scratch

OLD, NEW = "gemini-3-pro-image-preview", "gemini-3-pro-image"


@pytest.fixture
def retired(project: Scratch) -> Scratch:
    """A project whose images were made by a model that has a successor."""
    project.write("reconciler.yaml", f"provider: gravitex\ndefaults:\n  model: {OLD}  # by the studio\n")
    project.write(
        "specs/mascot.yaml", f"# The robot.\nprompt: A round robot\nmodel:   '{OLD}'\nvars: {{model: {OLD}}}\n"
    )
    lock = loads(project.read("assets.lock").decode())
    entries = {}
    for asset, entry in lock.entries.items():
        recipe = {**entry.recipe, "model": OLD}
        recipe.pop("image_size", None)
        key = recipe_key(recipe)
        made = replace(entry.made, provider="gravitex", cost="0.134 USD")
        entries[asset] = replace(entry, recipe=recipe, key=key, made=made)
    project.write("assets.lock", dumps(Lock(entries)))
    return project


def test_the_models_are_renamed_and_nothing_is_stale(retired: Scratch) -> None:
    assert retired.done("check").out == "nothing to do: 3 assets up to date\n"
    told = retired.run("migrate", "--check")
    assert told.code == 2 and f"-model:   '{OLD}'\n+model:   '{NEW}'\n" in told.out
    retired.done("migrate", "--yes")
    assert retired.read("reconciler.yaml").decode().endswith(f"  model: {NEW}  # by the studio\n")
    mascot = retired.read("specs/mascot.yaml").decode()
    assert mascot == f"# The robot.\nprompt: A round robot\nmodel:   '{NEW}'\nvars: {{model: {OLD}}}\n"
    assert retired.done("check").out == "nothing to do: 3 assets up to date\n"
    assert retired.done("check").out == "nothing to do: 3 assets up to date\n"
    assert retired.done("migrate").out == "no spec names a model that has a successor\n"


def test_what_new_images_would_cost_before_and_after_the_edit(retired: Scratch) -> None:
    """It edits nothing and buys nothing, also with another prompt."""
    before = retired.snapshot()
    told = retired.done("migrate", "--remake").out
    assert retired.snapshot() == before
    assert told.splitlines()[0] == f"hero  {OLD} -> {NEW}  [0.134 USD]"
    assert told.endswith("3 images of earlier models: new ones would cost 0.402 USD; nothing is bought\n")
    assert retired.done("migrate", "--remake", "--model", f"{OLD}={NEW}").out == told
    retired.done("migrate", "--yes")
    assert retired.done("migrate", "--remake").out == told
    retired.write("specs/new.yaml", "prompt: Never made\n")
    assert retired.done("migrate", "--remake").out == told
    assert retired.journal() == ()


def test_images_of_the_same_model_are_not_remade(project: Scratch) -> None:
    assert project.done("migrate", "--remake").out == "no image is of an earlier model\n"


def test_another_change_beside_the_model_is_stale(retired: Scratch) -> None:
    retired.done("migrate", "--yes")
    retired.edit("specs/hero.yaml", "dusk", "dawn")
    assert retired.plan() == {"hero": ("generate", "RecipeChanged")}


def test_a_model_that_succeeds_nothing_is_refused_and_a_row_of_the_project_allows_it(retired: Scratch) -> None:
    told = retired.run("migrate", "--model", f"{OLD}=gpt-image-2", "--yes")
    assert told.code == 1 and "does not succeed" in told.err
    text = retired.read("reconciler.yaml").decode()
    retired.write("reconciler.yaml", f"{text}models: {{house-1: {{succeeds: [{OLD}]}}}}\n")
    retired.done("migrate", "--model", f"{OLD}=house-1", "--yes")
    assert b"model:   'house-1'" in retired.read("specs/mascot.yaml")
    assert retired.done("check").out == "nothing to do: 3 assets up to date\n"


def test_without_a_terminal_it_asks_for_yes(retired: Scratch) -> None:
    before = retired.snapshot()
    assert retired.run("migrate").code == 1
    assert retired.run("migrate", "--model", "nonsense").code == 1
    assert retired.snapshot() == before


def test_a_value_that_is_no_single_word_is_left_to_a_person() -> None:
    document = a_document("prompt: x\nmodel:\n  old\n")
    assert edited_text("prompt: x\nmodel:\n  old\n", model_edits(document, {"old": "new"})) is None


@pytest.mark.parametrize("seed", range(60))
def test_only_the_values_are_edited(seed: int) -> None:
    chance = random.Random(seed)
    quote = chance.choice(["", "'", '"'])
    value = f"{quote}old{quote}"
    space, comment = " " * chance.randint(1, 3), chance.choice(["", "  # old", " "])
    flow = f"{{prompt: 'model: old', model: {value}, tags: [old, model]}}"
    block = f"\n    # model: old\n    prompt: model old\n    model:{space}{value}{comment}"
    body = chance.choice([flow, block])
    text = f"assets:\n  a: {body}\n  b: {{prompt: b, model: older}}\ndefaults: {{params: {{model: old}}}}\n"
    edits = model_edits(a_document(text), {"old": "new"})
    after = edited_text(text, edits)
    assert len(edits) == 1 and after is not None
    assert a_document(after).value["assets"]["a"]["model"] == "new"  # type: ignore[index,call-overload]  # a mapping
    assert len(after) == len(text) and sum(one != other for one, other in zip(after, text, strict=True)) == 3


def test_successions_go_through_and_never_round() -> None:
    rows = {"c": "b", "b": "a", "x": "y", "y": "x"}
    table = model_table({new: {"succeeds": [old]} for new, old in rows.items()})
    found = successions(table)
    assert found["c"] == {"a", "b"} and found["x"] == {"y"}
    assert found[NEW] == {OLD}


def test_a_provider_may_retire_a_model_on_another_day() -> None:
    row = model_table().models["gemini-2.5-flash-image"]
    assert (row.retirement("gemini"), row.retirement("gravitex")) == ("2026-10-02", "2027-03-15")
