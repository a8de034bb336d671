"""Foreign text is shown so that it can neither steer a terminal nor mislead a reader."""

from __future__ import annotations

import json
import re
import unicodedata
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.core.json_text import json_list_text, json_text
from reconciler.core.text import is_hidden, one_line, printable
from reconciler.providers.responses.redact import redact
from reconciler.providers.secret import Key

ESCAPED = {
    "\x1b[2J": "\\x1b[2J",
    "\x9b": "\\x9b",
    "a\rb": "a\\rb",
    "\u202eabc": "\\u202eabc",
    "\u2066\u2069": "\\u2066\\u2069",
    "\u200f": "\\u200f",
    "\ufeff": "\\ufeff",
    "👩\u200d🎨": "👩\\u200d🎨",
    "a\xadb\u061c": "a\\xadb\\u061c",
    "\U000e0041": "\\U000e0041",
    "::error::x": "\\x3a:error::x",
    "a::b": "a::b",
    "x ##[error]y": "x #\\x23[error]y",
    "x ##vso[task.setvariable variable=a]y": "x #\\x23vso[task.setvariable variable=a]y",
    "###teamcity[x]": "##\\x23teamcity[x]",
    "## [x] ##": "## [x] ##",
    "\u2028": "\\u2028",
    "\ud800": "\\ud800",
    "\ue000": "\\ue000",
    "\U0010ffff": "\\U0010ffff",
}


@pytest.mark.parametrize(("text", "shown"), ESCAPED.items())
def test_characters_that_steer_or_mislead_are_escaped(text: str, shown: str) -> None:
    assert printable(text) == shown


@pytest.mark.parametrize("text", ["", "plain", "Größe 東京 🐈", "e\u0301", "a\xa0b"])
def test_text_in_any_language_stays_as_it_is(text: str) -> None:
    assert printable(text) == text


@given(st.text(st.characters(), max_size=40))
def test_no_escaped_text_holds_a_control_character(text: str) -> None:
    for shown in (printable(text), one_line(text), redact(text, key=Key(""))):
        assert not {unicodedata.category(char) for char in shown} & {"Cc", "Cs", "Co", "Cn", "Zl", "Zp"}
        assert not {unicodedata.bidirectional(char) for char in shown} & {
            "LRE",
            "RLE",
            "LRO",
            "RLO",
            "PDF",
            "LRI",
            "RLI",
        }


def test_words_of_a_provider_are_escaped_as_all_other_text_is() -> None:
    """One set of characters: what a message shows as an escape, an outcome does, too."""
    for text in ESCAPED:
        if not text.isspace() and "\r" not in text and "\u2028" not in text:
            assert redact(text, key=Key("")) == printable(text)


def test_a_text_is_one_line_of_a_width() -> None:
    assert one_line("a\n  b\tc") == "a b c"
    assert one_line("abcdef", 4) == "abc…"


@given(st.text(st.sampled_from("#[:aZ \n\u2028\x85\x7f\x9b\u202e\ud800\U000e0041é")))
def test_json_for_programs_is_equal_and_harmless(text: str) -> None:
    shown = json_text({"text": [text], text: 1}, indent=2)
    assert json.loads(shown) == {"text": [text], text: 1}
    assert not re.search(r"##[A-Za-z]*\[", shown)
    assert not any(is_hidden(char) for char in shown if char != "\n")
    assert not any(line.lstrip().startswith("::") for line in shown.splitlines())


@given(st.text(st.sampled_from("#[:aZ \n\u2028\x85\x7f\u202e")))
def test_no_text_begins_a_workflow_command(text: str) -> None:
    shown = printable(text)
    assert len(shown.splitlines()) <= 1
    assert not re.search(r"##[A-Za-z]*\[", shown)
    assert not shown.lstrip().startswith("::")
    assert printable(shown) == shown


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(), lambda inner: st.lists(inner, max_size=3)
)


@given(st.lists(st.dictionaries(st.text(max_size=4), json_values, max_size=3), max_size=4), json_values)
def test_a_long_list_has_a_line_for_each_item_and_is_equal_and_harmless(items: list[Any], value: Any) -> None:
    text = json_list_text({"version": value}, "files", items)
    assert json.loads(text) == {"version": value, "files": items}
    assert len(text.split("\n")) == (len(items) + 5 if items else 4)
    assert not any(is_hidden(char) for char in text if char != "\n")
    assert json_list_text({}, "files", [{"a": "##[error]\u202e"}]).count("\\u") == 2
