"""Lines on a terminal: where they break, what is coloured, and which variables decide that."""

from __future__ import annotations

import io

import pytest

from reconciler.cli.terminal import for_terminal, has_colour, rows

HINT = "    hint: `reconciler adopt ID` locks the file, `reconciler apply --replace ID` generates a new one"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def plain(line: str, width: int) -> list[str]:
    return list(rows(line, width, colour=False))


def test_a_hint_breaks_at_spaces_outside_of_commands_and_keeps_its_column() -> None:
    assert plain(HINT, 60) == [
        "    hint: `reconciler adopt ID` locks the file,",
        "          `reconciler apply --replace ID` generates a new",
        "          one",
    ]


@pytest.mark.parametrize("width", [30, 31, 40, 60, 80, 140])
@pytest.mark.parametrize("line", [HINT, "~ icons/a  prompt changed  [0.04 USD]", "    a, b, c, d" * 20, "no change"])
def test_no_row_is_too_long_and_no_word_is_lost(line: str, width: int) -> None:
    found = plain(line, width)
    assert " ".join(" ".join(found).split()) == " ".join(line.split())
    longest = max(len(part) for part in line.replace("`", " ").split())
    commands = max((len(part) + 2 for part in line.split("`")[1::2]), default=0)
    assert max(map(len, found)) <= max(width, 10 + max(longest, commands))


def test_a_line_that_fits_stays() -> None:
    assert plain("+ a   new  [0.04 USD]", 80) == ["+ a   new  [0.04 USD]"]
    assert plain("", 80) == [""]


def test_a_path_is_never_broken() -> None:
    path = "/" + "deep/" * 30
    assert path in plain(f"the paid bytes are in {path} now", 40)[1]


def test_a_command_wider_than_the_terminal_is_broken_at_its_spaces() -> None:
    command = "`reconciler apply --retry-in-doubt --include icons/weapons#sword`"
    assert max(map(len, plain(f"hint: {command}", 40))) <= 40


def test_wide_characters_count_twice() -> None:
    assert plain("    " + "日本 " * 8, 30) == ["    日本 日本 日本 日本 日本", "      日本 日本 日本 "]


def test_later_rows_of_a_step_are_indented_below_it() -> None:
    assert plain("! hero  the file was changed by hand: left alone", 40)[1].startswith("    ")


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("+ hero  new  [free]", "\x1b[32m+ hero\x1b[0m  new  [free]"),
        ("! hero  left alone", "\x1b[31m! hero\x1b[0m  left alone"),
        ("    hint: run `x`", "    \x1b[36mhint:\x1b[0m run \x1b[1m`x`\x1b[0m"),
        ("    prompt: a [-b-]{+c+}", "    prompt: a \x1b[31m[-b-]\x1b[0m\x1b[32m{+c+}\x1b[0m"),
        ("nothing to do: 3 assets up to date", "\x1b[32mnothing to do: 3 assets up to date\x1b[0m"),
        ("1 to move; 2 up to date", "\x1b[1m1 to move; 2 up to date\x1b[0m"),
        ("a line", "a line"),
    ],
)
def test_colours_add_to_a_line_that_says_the_same_without_them(line: str, shown: str) -> None:
    assert "".join(rows(line, 0, colour=True)) == shown


def test_colours_go_on_in_the_next_row() -> None:
    first, second = rows("    prompt: [-" + "word " * 8 + "end-]", 40, colour=True)
    assert first.endswith("\x1b[0m") and second.startswith("      \x1b[31m")


@pytest.mark.parametrize(
    ("environ", "terminal", "pipe"),
    [
        ({}, True, False),
        ({"NO_COLOR": "1"}, False, False),
        ({"NO_COLOR": "", "CLICOLOR": "1"}, True, False),
        ({"TERM": "dumb"}, False, False),
        ({"FORCE_COLOR": "1"}, True, True),
        ({"FORCE_COLOR": "0"}, True, False),
        ({"CLICOLOR_FORCE": "1"}, True, True),
        ({"CLICOLOR": "0"}, False, False),
        ({"NO_COLOR": "1", "FORCE_COLOR": "1"}, False, False),
    ],
)
def test_the_environment_decides_about_colour(environ: dict[str, str], terminal: bool, pipe: bool) -> None:
    assert has_colour(Terminal(), environ) is terminal
    assert has_colour(io.StringIO(), environ) is pipe


def test_a_pipe_gets_the_lines_as_they_are() -> None:
    text = f"+ hero  new\n{HINT}\n"
    assert for_terminal(text, io.StringIO(), {"COLUMNS": "40"}) == text
    assert for_terminal(text, Terminal(), {"COLUMNS": "60", "NO_COLOR": "1"}).count("\n") == 4
