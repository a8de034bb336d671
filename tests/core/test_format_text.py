"""Formatting moves lines: values, comments and every line stay, whatever the file."""

from __future__ import annotations

import random
from typing import Any

import pytest

from reconciler.core.specs.format_text import formatted_spec
from tests.builders import a_document

ORDER = ("description", "prompt", "model", "size", "style", "tags", "vars", "references", "output")


def test_fields_take_the_order_of_the_schema_with_their_comments() -> None:
    text = """\
# yaml-language-server: $schema=../schemas/spec.schema.json
# About the file.

# wide
size: "16:9"   # in quotes


prompt: |
  A lighthouse

  # not a comment
  at dusk.
unknown: 1
tags: [web]
# The end.
"""
    assert (
        formatted_spec(text, ORDER)
        == """\
# yaml-language-server: $schema=../schemas/spec.schema.json
# About the file.


prompt: |
  A lighthouse

  # not a comment
  at dusk.
# wide
size: "16:9"   # in quotes
tags: [web]
unknown: 1
# The end.
""".replace("\n\n\nprompt", "\n\nprompt")
    )


def test_the_fields_of_each_asset_are_put_in_order_and_the_assets_stay() -> None:
    assets = ("assets:", "  # second", "  b:", "    size: '1:1'", "    prompt: b", "  a: {size: '1:1', prompt: a}")
    defaults = ("defaults:", "  size: '1:1'")
    first, second, third, size, prompt, last = assets
    wanted = (*defaults, first, second, third, prompt, size, last)
    assert formatted_spec("\n".join((*assets, *defaults)), ORDER) == "\n".join(wanted) + "\n"


ALONE = (
    "prompt: &a x",
    "prompt: *a",
    "a: !tag x",
    "---\nprompt: x",
    "{prompt: x}",
    "prompt: x\n\tsize: y",
    "",
    "- a",
    "word",
)


@pytest.mark.parametrize("text", ALONE)
def test_what_cannot_be_divided_is_left_alone(text: str) -> None:
    assert formatted_spec(f"{text}\n", ORDER) is None


def a_file(chance: random.Random) -> str:
    """A spec with comments, blank lines, block scalars and nested values in any order."""
    values: dict[str, list[str]] = {
        "prompt": ["prompt: |", "  A word: here", "", "  # no comment", "  end"],
        "size": [f'size: "{chance.randint(1, 9)}:9"  # ratio'],
        "tags": ["tags:", "  - a", "  # inside", "  - b"],
        "vars": ["vars:", "  mood: calm", "", "  time: dusk"],
        "model": ["model: 'm # x'"],
        "output": ["output: a/b.png"],
        "description": ["description: >-", "  two", "  lines"],
    }
    names = chance.sample(sorted(values), chance.randint(1, len(values)))
    lines: list[str] = ["# top", ""] if chance.random() < 0.3 else []
    for name in names:
        lines += [""] * chance.randint(0, 2) + [f"# about {name}"] * chance.randint(0, 2) + values[name]
    if chance.random() < 0.3:
        lines += ["assets:", "  one:", "    size: '1:1'", "    # p", "    prompt: x", "", "  two: {prompt: y}"]
    return "\n".join(lines) + "\n" * chance.randint(1, 2)


def comparable(text: str) -> tuple[Any, list[str]]:
    return a_document(text).value, sorted(line for line in text.split("\n") if line.strip())


def test_no_value_and_no_line_is_lost_and_formatting_twice_changes_nothing() -> None:
    for seed in range(10_000):
        text = a_file(random.Random(seed))
        after = formatted_spec(text, ORDER)
        assert after is not None, text
        if seed % 10 == 0:
            assert comparable(after) == comparable(text), text
        else:
            assert sorted(after.split()) == sorted(text.split())
        assert formatted_spec(after, ORDER) == after, text
