"""One command for several projects: a block for each under its name, a summary, and the worst exit code."""

from __future__ import annotations

import json

import pytest

from tests.cli.conftest import Scratch

FREE = "provider: draft\ndefaults: {size: 64x64}\n"


@pytest.fixture
def two(scratch: Scratch) -> Scratch:
    """Two projects in a folder: `web` is up to date, `game` has an asset to make."""
    for name in ("game", "web"):
        scratch.write(f"{name}/reconciler.yaml", FREE)
        scratch.write(f"{name}/specs/hero.yaml", "prompt: A hero\n")
    scratch.done("-C", "web", "apply", "--yes")
    return scratch


def test_each_project_is_planned_under_its_name_and_summed_up(two: Scratch) -> None:
    assert two.done("-C", "game", "-C", "web", "plan").out == (
        "game:\n+ hero  new  [free]\n\n1 to generate (0 USD); 0 up to date\n"
        "\nweb:\nnothing to do: 1 asset up to date\n"
        "\n2 projects:\n"
        "  game  1 to generate (0 USD); 0 up to date\n"
        "  web   nothing to do: 1 asset up to date\n"
    )


def test_the_exit_code_is_the_worst(two: Scratch) -> None:
    assert two.run("-C", "web", "--directory=game", "check").code == 2
    two.write("web/specs/hero.yaml", "prompt: x\nsize: 16x9\n")
    said = two.run("-C", "game", "-C", "web", "check", "-q")
    assert (said.code, said.out) == (1, "")
    said = two.run("-C", "game", "-C", "web", "check")
    assert said.out.endswith("  web   failed\n")


def test_an_apply_makes_both(two: Scratch) -> None:
    assert two.done("-C", "web", "-C", "game", "apply", "--yes").out.endswith(
        "2 projects:\n  web   nothing to do: 1 asset up to date\n  game  made 1 (0 USD)\n"
    )
    assert two.run("-C", "game", "-C", "web", "check").code == 0


def test_json_is_one_document_for_each(two: Scratch) -> None:
    out = two.done("-C", "game", "-C", "web", "plan", "--format", "json").out
    first, end = json.JSONDecoder().raw_decode(out)
    second = json.loads(out[end:])
    assert (len(first["steps"]), len(second["steps"])) == (1, 0)


def test_other_commands_take_one_project(two: Scratch) -> None:
    said = two.run("-C", "game", "-C", "web", "restore", "hero")
    assert (said.code, said.err) == (
        1,
        "only plan, check, apply take several -C\n  hint: run the command once for each project\n",
    )
