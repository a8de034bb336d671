"""A statement of a release is one line in one form: every other byte makes it another statement, or none."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.core.digest import AssetId
from reconciler.core.errors import ProjectError
from reconciler.core.lock.entry import Made
from reconciler.core.provenance.record import FileOrigin
from reconciler.core.provenance.source_type import TRAINED
from reconciler.core.provenance.statement import (
    PAYLOAD_TYPE,
    PREDICATE_TYPE,
    STATEMENT_TYPE,
    pre_authentication,
    read_statement,
    signed_text_of,
    statement_text,
)
from reconciler.core.value import replace
from tests.builders import bytes_of

FIXTURE = Path(__file__).parents[2] / "formats" / "release-v1.intoto.jsonl"
HERO = FileOrigin(
    "assets/hero.png",
    bytes_of("hero"),
    7,
    (AssetId("hero"),),
    TRAINED,
    made=Made("gravitex", "2026-11-01T00:00:00Z", "m", "req-1"),
    model="m",
    prompt="A secret plan",
)
OTHERS = {"site/images.json": bytes_of("json")}
TEXT = statement_text([HERO], OTHERS, prompts=False)
SIGNATURE = base64.b64encode(b"SSHSIG and so on").decode()


def test_every_file_is_a_subject_and_prompts_stay_at_home() -> None:
    document = json.loads(TEXT)
    assert (document["_type"], document["predicateType"]) == (STATEMENT_TYPE, PREDICATE_TYPE)
    assert [each["name"] for each in document["subject"]] == ["assets/hero.png", "site/images.json"]
    assert document["subject"][0]["digest"] == {"sha256": bytes_of("hero").partition(":")[2]}
    assert document["predicate"]["images"]["assets/hero.png"]["digitalSourceType"] == TRAINED
    assert "secret" not in TEXT
    assert "A secret plan" in statement_text([HERO], OTHERS, prompts=True)


def test_what_was_written_is_read() -> None:
    found = read_statement(f"{TEXT}\n".encode())
    assert found.subjects == {
        path: content.partition(":")[2] for path, content in {"assets/hero.png": HERO.content, **OTHERS}.items()
    }
    assert (found.text, found.signature, found.has_prompts) == (TEXT, "", False)
    signed = read_statement(signed_text_of(TEXT, SIGNATURE).encode())
    assert (signed.text, signed.signature, signed.signed_bytes) == (TEXT, SIGNATURE, pre_authentication(TEXT))
    assert read_statement(statement_text([HERO], {}, prompts=True).encode()).has_prompts


@pytest.mark.parametrize("words", ["##[error]x", "a ##vso[task.setvariable variable=PATH]y", "#\\u0023[x]"])
def test_no_text_of_it_is_a_command_to_a_ci_service(words: str) -> None:
    text = statement_text([replace(HERO, alt=words)], OTHERS, prompts=False)
    assert "##" not in text
    assert read_statement(text.encode()).text == text
    assert json.loads(text)["predicate"]["images"]["assets/hero.png"]["alt"] == words


def test_the_released_format_is_read() -> None:
    found = read_statement(FIXTURE.read_bytes())
    assert found.text == TEXT
    assert read_statement(f"{signed_text_of(TEXT, SIGNATURE)}\n".encode()).text == found.text


def test_the_bytes_that_are_signed_are_those_of_dsse() -> None:
    assert pre_authentication("{}") == f"DSSEv1 {len(PAYLOAD_TYPE)} {PAYLOAD_TYPE} 2 {{}}".encode()


@pytest.mark.parametrize("written", [TEXT, signed_text_of(TEXT, SIGNATURE)])
@given(st.data())
def test_one_changed_byte_makes_another_statement_or_none(written: str, data: st.DataObject) -> None:
    raw = bytearray(written.encode())
    at = data.draw(st.integers(0, len(raw) - 1))
    raw[at] = data.draw(st.integers(0, 255).filter(lambda byte: byte != raw[at]))
    before = read_statement(written.encode())
    try:
        after = read_statement(bytes(raw))
    except ProjectError:
        pass
    else:
        assert (after.text, after.signature) != (before.text, before.signature)


def changed(**parts: object) -> bytes:
    document = json.loads(TEXT) | parts
    return json.dumps(document, sort_keys=True, separators=(",", ":")).encode()


def a_subject(name: str, digest: str = "a" * 64) -> dict[str, object]:
    return {"name": name, "digest": {"sha256": digest}}


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{}",
        b"[" * 100_000,
        b"\xff",
        f" {TEXT}".encode(),
        f"{TEXT}\n\n".encode(),
        changed(_type="https://in-toto.io/Statement/v0.1"),
        changed(predicateType="https://slsa.dev/provenance/v1"),
        changed(subject=[a_subject("../../etc/passwd")]),
        changed(subject=[a_subject("/etc/passwd")]),
        changed(subject=[a_subject(".git/config")]),
        changed(subject=[a_subject("a.png"), a_subject("a.png")]),
        changed(subject=[a_subject("a.png", "A" * 64)]),
        changed(subject={"a": 1}),
        changed(predicate=[]),
        signed_text_of("{}", SIGNATURE).encode(),
        signed_text_of(TEXT, "!").encode(),
        signed_text_of(TEXT, SIGNATURE).replace(PAYLOAD_TYPE, "text/plain").encode(),
    ],
)
def test_what_is_no_statement_of_ours_is_refused(data: bytes) -> None:
    with pytest.raises(ProjectError, match="the statement is refused"):
        read_statement(data)


def test_a_newer_version_is_told_apart() -> None:
    with pytest.raises(ProjectError, match="newer version"):
        read_statement(changed(predicateType="https://reconciler.dev/ai-image/v2"))
