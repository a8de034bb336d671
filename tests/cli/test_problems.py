"""Problems at the user's own text: their place, their asset, a count where many assets have one, and JSON of them."""

from __future__ import annotations

import json

import pytest

from tests.cli.conftest import Scratch, picture

PAID = "provider: gravitex\ndefaults:\n  model: gemini-2.5-flash-image\n"


def specs(project: Scratch, count: int, more: str = "") -> None:
    for number in range(count):
        project.write(f"specs/icons/i{number:02}.yaml", f"prompt: Icon {number}\n{more}")


def test_a_field_that_is_written_nowhere_is_reported_at_its_asset(scratch: Scratch) -> None:
    scratch.write("reconciler.yaml", "provider: gravitex\ndefaults:\n  model: doubao-seededit-3-0-i2i-250628\n")
    scratch.write("refs/one.png", picture())
    for number in range(7):
        scratch.write(f"specs/i{number}.yaml", f"prompt: Icon {number}\nreferences: [refs/one.png]\n")
    scratch.write("specs/odd.yaml", "tags: [web]\nprompt: Odd\n")
    scratch.write("specs/more.yaml", "assets:\n  odd:\n    prompt: Odd\n")
    fact = "doubao-seededit-3-0-i2i-250628 edits pictures and needs at least 1"
    assert scratch.run("plan").err == (
        f"specs/more.yaml:2:3: assets.odd.references: {fact}\nspecs/odd.yaml:1:1: references: {fact}\n"
    )


def test_a_broken_default_of_many_assets_is_one_line_with_their_number(scratch: Scratch) -> None:
    scratch.write("reconciler.yaml", PAID + "  style: flta\n")
    scratch.write("specs/_styles.yaml", "flat: {prompt_suffix: flat}\n")
    specs(scratch, 33)
    said = scratch.run("plan")
    assert (said.code, said.err) == (
        1,
        'reconciler.yaml:4:3: defaults.style: no style is called "flta" (icons/i00 and 32 more assets)\n'
        '  hint: did you mean "flat"?\n',
    )
    (problem,) = scratch.run("validate", "--format", "json").json["problems"]
    assert (problem["asset"], problem["assets"]) == ("icons/i00", 33)


def test_a_broken_matrix_value_names_its_asset(scratch: Scratch) -> None:
    scratch.write("reconciler.yaml", PAID)
    scratch.write("specs/m.yaml", "prompt: A ${x}\nsize: '16:${x}'\nmatrix:\n  x: ['9', '99']\n")
    assert scratch.run("plan").err.startswith("specs/m.yaml:2:1: size: ")
    assert scratch.run("plan").err.splitlines()[0].endswith(" (m#99)")


def test_the_same_mistake_in_many_files_is_shown_once_with_the_other_places(scratch: Scratch) -> None:
    scratch.write("reconciler.yaml", PAID)
    specs(scratch, 9, "style: flta\n")
    first, places, *_ = scratch.run("validate").err.splitlines()
    assert first.startswith('specs/icons/i00.yaml:2:1: style: no style is called "flta"')
    listed = ", ".join(f"specs/icons/i0{number}.yaml:2:1" for number in (1, 2, 3))
    assert places == f"  and at 8 other places: {listed} and 5 more"
    assert len(scratch.run("validate", "--format", "json").json["problems"]) == 9


@pytest.mark.parametrize(
    "command",
    [
        ("plan",),
        ("check",),
        ("apply", "--yes"),
        ("show", "hero"),
        ("explain", "hero"),
        ("choose", "hero"),
        ("validate",),
    ],
)
def test_json_answers_where_the_specs_are_wrong(command: tuple[str, ...], scratch: Scratch) -> None:
    scratch.write("reconciler.yaml", "provider: draft\n")
    scratch.write("specs/hero.yaml", "prompt: x\nsize: 16x9\n")
    said = scratch.run(*command, "--format", "json")
    assert said.code == 1
    (problem,) = json.loads(said.out)["problems"]
    assert (problem["file"], problem["line"], problem["field"]) == ("specs/hero.yaml", 2, "size")
    assert command == ("validate",) or said.err.startswith("specs/hero.yaml:2:1: size: ")


def test_json_answers_where_there_is_no_project_and_text_does_not_change(scratch: Scratch) -> None:
    said = scratch.run("plan", "--format", "json")
    (problem,) = said.json["problems"]
    assert problem["file"] is None and problem["fact"] in said.err
    assert scratch.run("plan").out == ""
