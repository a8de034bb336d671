"""A JSON answer is read as json reads it, with its long strings left in the file, and base64 is strict."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.providers.responses import json_stream as skeleton
from reconciler.providers.responses.json_stream import (
    CutShort,
    Frame,
    NotBase64Error,
    NotJson,
    decoded,
    scan,
    span_chunks,
)

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=60),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)


@pytest.fixture(params=[1, 7, 1 << 20])
def small(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    """Pieces of this size, and strings that are long from 20 bytes."""
    monkeypatch.setattr(skeleton, "SCAN_CHUNK", request.param)
    monkeypatch.setattr(skeleton, "LONG", 20)
    return int(request.param)


def resolved(frame: Frame, data: bytes, value: Any) -> Any:
    """The value with its marks replaced by what they stand for."""
    if isinstance(value, str):
        span = frame.long_string(value)
        return value if span is None else json.loads(b'"' + data[span.start : span.end] + b'"')
    if isinstance(value, list):
        return [resolved(frame, data, item) for item in value]
    if isinstance(value, dict):
        return {resolved(frame, data, key): resolved(frame, data, item) for key, item in value.items()}
    return value


@pytest.mark.usefixtures("small")
def test_reads_what_json_reads() -> None:
    @given(VALUES, st.booleans(), st.sampled_from([None, 1]))
    def same(value: Any, ascii_only: bool, indent: int | None) -> None:
        value = {"value": value}
        data = json.dumps(value, ensure_ascii=ascii_only, indent=indent).encode("utf-8", "surrogatepass")
        frame = scan(io.BytesIO(data))
        assert isinstance(frame, Frame)
        assert resolved(frame, data, frame.value) == value
        assert isinstance(scan(io.BytesIO(data[:-1])), CutShort)

    same()


@pytest.mark.usefixtures("small")
def test_base64_comes_out_of_a_string_however_it_is_escaped() -> None:
    @given(st.binary(min_size=30, max_size=200), st.sampled_from(["plain", "slashes", "unicode"]))
    def same(picture: bytes, how: str) -> None:
        text = base64.b64encode(picture).decode()
        if how == "slashes":
            text = text.replace("/", "\\/")
        if how == "unicode":
            text = "".join(f"\\u{ord(char):04x}" if char in "=+/" else char for char in text)
        data = f'{{"data": ["{text}"]}}'.encode()
        frame = scan(io.BytesIO(data))
        assert isinstance(frame, Frame)
        (span,) = frame.spans
        assert b"".join(decoded(span_chunks(io.BytesIO(data), span))) == picture

    same()


@pytest.mark.parametrize(
    "text",
    ["A", "AAAAA", "AA=A", "AAA=AAAA", "AA!!", "====", "A===", "data:image/png,AAAA", "data:;base64", "AAé"],
)
@pytest.mark.parametrize("step", [1, 2, 4, 100])
def test_what_is_not_base64_is_refused(text: str, step: int) -> None:
    data = text.encode()

    def pieces() -> Iterator[bytes]:
        # the first piece holds a data prefix, as in a file that is read in large pieces
        head, comma, rest = data.rpartition(b",")
        yield from ([head + comma] if comma else [])
        yield from (rest[at : at + step] for at in range(0, len(rest), step))

    with pytest.raises(NotBase64Error):
        b"".join(decoded(pieces()))


@pytest.mark.parametrize("step", [1, 2, 3, 4, 5, 100])
@pytest.mark.parametrize(
    ("text", "data"),
    [
        ("AAA", bytes(2)),
        ("AA", bytes(1)),
        ("AA=", bytes(1)),
        ("A A=", bytes(1)),
        ("AA\n==\n", bytes(1)),
        ("AAAA\r\nAAAA\r\n", bytes(6)),
        ("_-8=", b"\xff\xef"),
        ("_-8", b"\xff\xef"),
        ("/+8=", b"\xff\xef"),
        ("", b""),
    ],
)
def test_base64_is_read_as_browsers_read_it(text: str, data: bytes, step: int) -> None:
    pieces = (text[at : at + step].encode() for at in range(0, len(text), step))
    assert b"".join(decoded(pieces)) == data


@pytest.mark.parametrize(
    "head",
    ["data:image/png;base64,", "data:;base64,", "DATA:text/html;Base64,", " \ndata:image/jpeg;charset=x;base64,"],
)
def test_a_data_address_is_base64_too_whatever_it_calls_itself(head: str) -> None:
    assert b"".join(decoded([head.encode() + b"AAAA", b"AAAA"])) == bytes(6)


@pytest.mark.parametrize(
    "data",
    [
        b"<html>don't {</html>",
        b'"a string"',
        b"17",
        b"{'a': 1}",
        b'{"a": }',
        b'{"a": "\xff"}',
        b'{"a": "\n"}',
        b"[" * 65 + b"]" * 65,
        b"[" + b"1," * 600_000 + b"1]",
        b'{"a": ' + b"9" * 5000 + b"}",
        b"}{",
    ],
)
def test_what_is_not_json_is_said_to_be_none(data: bytes) -> None:
    assert isinstance(scan(io.BytesIO(data)), NotJson)


def test_a_forged_mark_finds_nothing() -> None:
    frame = scan(io.BytesIO(b'{"b64_json": "\\u0000long 0", "x": "\\u0000long 99999999999"}'))
    assert isinstance(frame, Frame) and isinstance(frame.value, Mapping)
    assert [frame.long_string(str(text)) for text in frame.value.values()] == [None, None]
