"""`fmt`: fields in order, recipes as before, and files that would change in value left alone."""

from __future__ import annotations

from tests.cli.conftest import Scratch


def test_specs_are_formatted_once_and_nothing_is_stale(project: Scratch) -> None:
    project.done("fmt")
    project.write("specs/hero.yaml", 'size: "16:9"\n# The words.\nprompt: A lighthouse at dusk\n')
    told = project.run("fmt", "--check")
    assert (told.code, told.out) == (2, "would change  specs/hero.yaml\n")
    assert project.done("fmt").out == "formatted  specs/hero.yaml\n"
    assert project.read("specs/hero.yaml") == b"# The words.\nprompt: A lighthouse at dusk\nsize: 16:9\n"
    assert project.done("fmt", "--check").out == "all specs are formatted\n"
    assert project.done("check").out == "nothing to do: 3 assets up to date\n"


def test_a_file_whose_value_would_change_is_left_alone(project: Scratch) -> None:
    project.done("fmt")
    text = "size: '1:1'\nprompt: |\n  A lighthouse"
    project.write("specs/hero.yaml", text)
    told = project.done("fmt")
    assert told.err == "left alone  specs/hero.yaml\n" and project.read("specs/hero.yaml").decode() == text


def test_a_layout_is_given_up_where_it_would_change_a_value_and_the_order_is_kept(project: Scratch) -> None:
    """The second line of this prompt looks like a field with quotes, so only the fields are put in order."""
    project.done("fmt")
    project.write("specs/hero.yaml", "size: '1:1'\nprompt: 'A lighthouse\n\n    at: \"dusk\"\n\n    end'\n")
    assert project.done("fmt").out == "formatted  specs/hero.yaml\n"
    text = project.read("specs/hero.yaml").decode()
    assert text.startswith("prompt: 'A lighthouse") and text.endswith("size: '1:1'\n") and 'at: "dusk"\n' in text
