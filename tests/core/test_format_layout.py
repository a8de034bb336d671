"""A new layout keeps every value and every comment, and a second one changes nothing."""

from __future__ import annotations

import os
import random

import pytest

from reconciler.core.specs.format_layout import laid_out
from tests.builders import a_document


def test_indentation_of_two_and_no_quotes_that_yaml_does_not_need() -> None:
    text = """\
# top
prompt: "A bow, drawn"   # why
size: '16:9'
assets:
    # about one
    one:
        prompt: |
            words

              "more": 'x'
        tags:
        - "web"
        - 'true'
        - "007"
    # about two
    two: {size: "1:1"}
# end
"""
    wanted = """\
# top
prompt: A bow, drawn   # why
size: 16:9
assets:
  # about one
  one:
    prompt: |
      words

        "more": 'x'
    tags:
    - web
    - 'true'
    - "007"
  # about two
  two: {size: "1:1"}
# end
"""
    assert laid_out(text) == wanted
    assert a_document(wanted).value == a_document(text).value


WORDS = ("a: b", "#", "- a", "a:", "a: b #", "1.5", "0x1F", "null", "True", "a: ", "-", "&a", "${x}")


@pytest.mark.parametrize("text", WORDS)
def test_quotes_that_have_a_meaning_stay(text: str) -> None:
    line = f'key: "{text}"\n'
    after = laid_out(line)
    assert after is not None and a_document(after).value == {"key": text}


def test_a_scalar_with_its_own_indentation_is_left_alone() -> None:
    assert laid_out("prompt: |2\n   x\n") is None


def a_layout(chance: random.Random) -> str:
    """A spec with a random indentation at each level, comments, block scalars, lists and quotes."""

    def fields(indent: int, depth: int) -> list[str]:
        lines, pad = [], " " * indent
        for name in chance.sample("abcdef", chance.randint(1, 4)):
            lines += [f"{pad}# about: '{name}'"] * chance.randint(0, 1) + [""] * chance.randint(0, 1)
            kind = chance.randint(0, 5 if depth < 3 else 4)
            step = " " * (indent + chance.randint(1, 5))
            if kind == 0:
                head = f"{pad}{name}: {chance.choice('|>')}{chance.choice(['', '-'])}"
                lines += [head, f'{step}x: "y"', "", f"{step}  # z"]
            elif kind == 1:
                lines += [f"{pad}{name}:", *(f"{step}- {one}" for one in ('"web"', "'5'", "x  # 'c'"))]
            elif kind == 2:
                word = chance.choice(["16:9", "no", "null", "A b", "a: b", "1e3", "x #y", "it!", "é", ".5"])
                lines.append(f'{pad}{name}: "{word}"')
            elif kind == 3:
                lines += [f"{pad}{name}: {{x: '1:1',", f'{step}y: [1, "2"]}}  # flow']
            elif kind == 4:
                lines += [f"{pad}{name}: some words", f"{step}go on"]
            else:
                lines += [f"{pad}{name}:  # nested", *fields(len(step), depth + 1)]
        return lines

    return "\n".join(fields(0, 0)) + "\n"


def test_no_value_and_no_comment_changes() -> None:
    """`make formats` tries 10,000 files."""
    for seed in range(int(os.environ.get("RECONCILER_LAYOUTS", "500"))):
        text = a_layout(random.Random(seed))
        after = laid_out(text)
        assert after is not None and a_document(after).value == a_document(text).value, text
        assert laid_out(after) == after, text
        comments = [line.partition("#")[2] for line in text.split("\n") if "#" in line]
        assert comments == [line.partition("#")[2] for line in after.split("\n") if "#" in line]
