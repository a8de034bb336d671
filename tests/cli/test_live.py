"""The live view of an apply, on a real pseudo-terminal."""

from __future__ import annotations

import pytest

from tests.cli.conftest import PROGRAM, Scratch
from tests.screen import Screen, Session, shown


def drafts(scratch: Scratch, count: int) -> None:
    scratch.write("reconciler.yaml", "provider: draft\ndefaults: {size: 64x64}\n")
    assets = "".join(f"  n{number:02}: {{prompt: Icon {number}}}\n" for number in range(count))
    scratch.write("specs/a.yaml", f"assets:\n{assets}")


@pytest.mark.parametrize("columns", [60, 140])
def test_an_apply_of_many_leaves_the_plan_and_the_summary_on_the_screen(columns: int, scratch: Scratch) -> None:
    drafts(scratch, 12)
    session = Session([*PROGRAM, "apply", "--yes"], scratch.root, columns, {})
    assert session.end() == 0
    assert session.screen.text == (
        "+ a#*  12 assets: new  [free]\n\n12 to generate (0 USD); 0 up to date\nmade 12 (0 USD)"
    )


def test_few_assets_are_listed(scratch: Scratch) -> None:
    drafts(scratch, 1)
    text = shown([*PROGRAM, "apply", "--yes"], scratch.root, 80).text
    assert text.endswith("\nmade a#n00 -> assets/a/n00.png\nmade 1 (0 USD)")


def test_ctrl_c_at_the_question_has_its_message_on_a_line_of_its_own(scratch: Scratch) -> None:
    drafts(scratch, 12)
    session = Session([*PROGRAM, "apply"], scratch.root, 80, {})
    session.wait_for("[y/N]")
    session.interrupt()
    assert session.end() == 130
    assert session.screen.text.splitlines()[-1] == "interrupted"


def test_the_screen_follows_a_bar_that_is_drawn_again() -> None:
    screen = Screen(10)
    screen.feed("\x1b[32mone\x1b[0m\r\ntwo\x1b[1A\r\x1b[2Kthree\r\nfour and more")
    assert screen.text == "three\nfour and m\nore"
