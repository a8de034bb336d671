"""Foreign words are shown on one line, without control characters, keys or data."""

from __future__ import annotations

import base64
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.core.digest import Json
from reconciler.providers.responses.redact import LIMIT, mask_key, redact, redact_counts
from reconciler.providers.secret import Key

KEY = Key("sk/secret+0123456789")


@given(st.text(max_size=200), st.text(max_size=2000))
def test_the_key_never_shows(before: str, after: str) -> None:
    shown = redact(before + KEY.reveal() + after, key=KEY)
    assert KEY.reveal() not in shown
    assert len(shown) <= LIMIT
    assert shown.isprintable() or all(char.isprintable() or char.isspace() or ord(char) > 127 for char in shown)
    assert "\x1b" not in shown
    assert "\n" not in shown


@pytest.mark.parametrize(
    "text",
    [
        "url https://x/?key=sk%2Fsecret%2B0123456789",
        "Authorization: Bearer sk/secret+0123456789",
        "Incorrect API key provided: sk-abcd****wxyz.",
        '{"x-goog-api-key": "abc"}',
        "AIzaSyA-1234567890",
        "body " + base64.b64encode(bytes(600)).decode(),
        "data:image/png;base64," + "A" * 200,
    ],
)
def test_what_looks_like_a_secret_or_data_is_hidden(text: str) -> None:
    shown = redact(text, key=KEY)
    assert "hidden" in shown or "[data]" in shown
    for part in ("secret", "abcd", 'abc"', "SyA", "AAAAAAAA", "sk%2F"):
        assert part not in shown


def test_counts_whose_names_or_digits_are_a_secret_are_left_out() -> None:
    usage: dict[str, Json] = {
        "tokens": 12, "AIzaSyA0123456789": 1, "deep": {"n": 2, "sk-abcdef": 3, "more": {"AIzaSyA0123456789": 4}},
    }  # fmt: skip
    assert redact_counts(usage, key=Key("")) == {"tokens": 12, "deep": {"n": 2, "more": {}}}
    assert redact_counts({"a_mysecretkey_b": 1, "n": 1234567890, "m": 2}, key=Key("mysecretkey")) == {
        "n": 1234567890, "m": 2,
    }  # fmt: skip
    assert redact_counts({"n": 1234567890, "m": 2}, key=Key("23456789")) == {"m": 2}


def test_a_key_in_a_file_is_overwritten_and_all_else_is_left(tmp_path: Path) -> None:
    path = tmp_path / "answer"
    key = KEY.reveal()
    encoded = base64.b64encode(key.encode()).rstrip(b"=")
    path.write_bytes(b"a" + key.encode() + b"b" + key.encode() * 2 + b"\xff" + quote(key, safe="").encode() + encoded)
    size = path.stat().st_size
    assert mask_key(path, key=KEY)
    assert path.stat().st_size == size
    assert path.read_bytes().replace(b"*", b"") == b"ab\xff"
    assert not mask_key(path, key=KEY)
    path.write_bytes(b"dummy")
    assert not mask_key(path, key=Key("dummy"))
    path.write_bytes(b"")
    assert not mask_key(path, key=KEY)


def test_control_characters_are_escaped_and_lines_joined() -> None:
    assert redact("a\x1b[2Jb\n  c\u202ed\x00\ud800 é", key=Key("")) == "a\\x1b[2Jb c\\u202ed\\x00\\ud800 é"


def test_a_key_shows_itself_to_nobody() -> None:
    assert "secret" not in f"{KEY!r} {KEY} {[KEY]}"
