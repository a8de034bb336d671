"""Problems at the user's own text: their place, their asset, a count where many assets have one, and JSON of them."""

from __future__ import annotations

import json

import pytest

from tests.cli.conftest import Scratch

PAID = "provider: gravitex\ndefaults:\n  model: gemini-2.5-flash-image\n"


def specs(project: Scratch, count: int, more: str = "") -> None:
    for number in range(count):
        project.write(f"specs/icons/i{number:02}.yaml", f"prompt: Icon {number}\n{more}")


def test_a_format_that_the_model_does_not_make_is_reported_at_the_output_that_names_it(scratch: Scratch) -> None:
    scratch.write("reconciler.yaml", PAID)
    specs(scratch, 7)
    scratch.write("specs/odd.yaml", "prompt: Odd\noutput: assets/odd.avif\n")
    assert scratch.run("plan").err == "specs/odd.yaml:2:1: output: gemini-2.5-flash-image gives png, not avif\n"


def test_a_field_that_no_text_has_is_reported_at_the_asset(scratch: Scratch) -> None:
    scratch.write("reconciler.yaml", "provider: gravitex\ndefaults: {model: flux-kontext-pro}\n")
    scratch.write("specs/all.yaml", "assets:\n  one:\n    prompt: One\n    background: transparent\n    format: jpeg\n")
    said = scratch.run("plan").err
    assert "specs/all.yaml:" in said and "reconciler.yaml:" not in said


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
