"""Assets are selected in the same way by every command; `ls` feeds make."""

from __future__ import annotations

import json
import os
import subprocess

import pytest

from tests.cli.conftest import Scratch
from tests.forked.program import program


@pytest.fixture
def icons(project: Scratch) -> Scratch:
    project.write(
        "specs/icons/items.yaml",
        "defaults: {size: 64x64}\nassets: {axe: {prompt: An axe, tags: [web]}, bow: {prompt: A bow}}\n",
    )
    return project


@pytest.mark.parametrize("selected", ["icons", "icons/items", "'icons/items#*'", "specs/icons/", "assets/icons/items"])
def test_a_folder_a_file_and_a_glob_select_the_same_in_every_command(icons: Scratch, selected: str) -> None:
    word = selected.strip("'")
    assert icons.run("plan", word, "--format", "json").code == 0
    planned = {
        step["asset"]
        for step in json.loads(icons.run("plan", word, "--format", "json").out)["steps"]
        if step["action"] == "generate"
    }
    assert planned == {"icons/items#axe", "icons/items#bow"}
    assert icons.run("check", word).code == 2
    assert icons.done("apply", word, "--yes").out == "made 2 (0 USD)\n"
    assert icons.run("check", word).code == 0
    listed = [line.split()[0] for line in icons.done("ls", word).out.splitlines()]
    assert listed == ["icons/items#axe", "icons/items#bow"]


def test_replace_takes_patterns(icons: Scratch) -> None:
    icons.done("apply", "icons", "--yes")
    assert "2 to generate" in icons.done("plan", "icons", "--replace", "icons/items#*").out
    assert "1 to generate" in icons.done("plan", "--replace", "tag:web").out
    said = icons.run("plan", "--replace", "icons/itmes#*")
    assert (said.code, '--replace: nothing matches "icons/itmes#*"' in said.err) == (1, True)


def test_a_saved_plan_is_no_asset(project: Scratch) -> None:
    project.done("plan", "-o", "plan.json")
    said = project.run("apply", "plan.json", "--yes")
    assert (said.code, "`reconciler apply --plan plan.json`" in said.err) == (1, True)


def test_ls_lists_states_and_outputs(icons: Scratch) -> None:
    icons.done("apply", "icons/items#axe", "--yes")
    states = {line.split()[0]: line.split(maxsplit=2)[2] for line in icons.done("ls", "icons").out.splitlines()}
    assert states == {"icons/items#axe": "up to date", "icons/items#bow": "new"}
    found = json.loads(icons.done("ls", "tag:web", "--format", "json").out)["assets"]
    assert [(one["asset"], one["output"], one["state"]["action"]) for one in found] == [
        ("icons/items#axe", "assets/icons/items/axe.png", "keep")
    ]
    assert icons.done("ls", "icons", "--outputs").out.split() == [
        "assets/icons/items/axe.png",
        "assets/icons/items/bow.png",
    ]


MAKEFILE = """\
IMAGES := $(shell reconciler ls --outputs)
.PHONY: images
images:
\t@reconciler apply --yes
$(IMAGES): images ; @:
atlas.txt: $(IMAGES)
\t@ls $(IMAGES) >$@
\t@echo built >>log
"""


def test_make_builds_what_depends_on_images_and_only_when_they_change(icons: Scratch) -> None:
    icons.write("Makefile", MAKEFILE)
    for path in icons.root.rglob("*.png"):
        path.unlink()
    log, atlas = icons.root / "log", icons.root / "atlas.txt"

    def make() -> int:
        path = os.pathsep.join((str(program().parent), os.environ["PATH"]))
        subprocess.run(
            ["make", "atlas.txt"], cwd=icons.root, check=True, env={**os.environ, "PATH": path}, capture_output=True
        )
        return len(log.read_text().splitlines())

    assert make() == 1
    assert "assets/icons/items/axe.png" in atlas.read_text() and "assets/hero.png" in atlas.read_text()
    assert make() == 1
    icons.edit("specs/icons/items.yaml", "An axe", "A red axe")
    assert make() == 2
