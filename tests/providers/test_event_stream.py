"""An event stream that nothing asked for is read as the array of its events."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.providers.responses import event_stream
from reconciler.providers.responses.event_stream import begins_as_event_stream, events_as_json


def read(text: bytes) -> Any:
    assert begins_as_event_stream(text)
    return json.loads(b"".join(events_as_json(io.BytesIO(text))))


@pytest.mark.parametrize(
    ("text", "events"),
    [
        (b'data: {"a": 1}\n\n', [{"a": 1}]),
        (b'data:{"a": 1}\r\n\r\ndata: {"b": 2}\r\n\r\n', [{"a": 1}, {"b": 2}]),
        (b': ping\n\nevent: done\nid: 7\nretry: 9\ndata: {"a": 1}\n\ndata: [DONE]\n\n', [{"a": 1}]),
        (b'data: {"a":\ndata: 1}\n\n', [{"a": 1}]),
        (b'\xef\xbb\xbf\ndata: {"a": 1}', [{"a": 1}]),
        (b"data: [DONE]\n\n", []),
        (b": nothing", []),
        (b'data: {"a": 1}\n\nsomething: else\n\ndata: 2\n', [{"a": 1}, 2]),
    ],
)
def test_events(text: bytes, events: list[Any]) -> None:
    assert read(text) == events


@given(st.lists(st.text(max_size=40), max_size=5), st.integers(1, 9), st.sampled_from(["\n", "\r\n"]))
def test_it_is_read_in_any_pieces(texts: list[str], size: int, end: str) -> None:
    body = f": x{end}{end}" + "".join(f"data: {json.dumps(text)}{end}{end}" for text in texts)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(event_stream, "SCAN_CHUNK", size + 8)
        assert read(body.encode()) == texts


@pytest.mark.parametrize("head", [b"", b"{", b"[1]", b"<html>", b"database: x", b"\x89PNG"])
def test_other_bodies_are_none(head: bytes) -> None:
    assert not begins_as_event_stream(head)
