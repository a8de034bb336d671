"""Receipts: who is believed, in the format of ssh-keygen, and nothing of a stranger."""

from __future__ import annotations

import base64
import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.core.digest import ContentHash, content_hash
from reconciler.core.errors import ProjectError
from reconciler.core.team.keys_file import TeamKeys, read_keys
from reconciler.core.team.layout import ReceiptName
from reconciler.core.team.receipt import (
    RECEIPT_NAMESPACE,
    BadReceipt,
    Envelope,
    Receipt,
    decode_envelope,
    decode_payload,
    encode_envelope,
    encode_payload,
    receipt_text,
)
from reconciler.core.team.ssh_signature import BadSignature, decode_signature, public_half
from reconciler.team.receipt_keys import ReceiptReader, signer_of_key, unsigned_receipts
from tests.needs import needs_ssh_keygen
from tests.store.contract import KEY, OTHER_KEY, an_image
from tests.team.keys import SshKey, keys_of

ANA, BOB = SshKey("ana@acme", 1), SshKey("bob@acme", 2)
RECEIPT = Receipt(KEY, an_image(attempt="a1"))
NAME = ReceiptName(KEY, content_hash(b"sword"))


def team(*keys: SshKey) -> TeamKeys:
    listed, problems = read_keys(keys_of(*keys))
    assert not problems
    return listed


def signed(key: SshKey, receipt: Receipt = RECEIPT) -> bytes:
    return signer_of_key(key.private, team(key), called="a test").receipt(receipt)


def test_a_receipt_of_a_listed_key_is_believed() -> None:
    assert ReceiptReader(team(ANA, BOB)).read(signed(ANA), NAME) == RECEIPT
    assert ReceiptReader(team(ANA, BOB)).read(signed(BOB), NAME) == RECEIPT


def disbelieved(data: bytes, *keys: SshKey, name: ReceiptName = NAME) -> str:
    found = ReceiptReader(team(*keys)).read(data, name)
    assert isinstance(found, BadReceipt)
    return found.fact


def test_nobody_else_is_believed() -> None:
    assert disbelieved(signed(BOB), ANA) == "it is by bob@acme, whose key is not listed"
    assert "is not signed" in disbelieved(unsigned_receipts("ana@acme").receipt(RECEIPT), ANA)
    stolen = encode_envelope(Envelope(encode_payload(RECEIPT), "ana@acme", _signature(signed(BOB))))
    assert disbelieved(stolen, ANA, BOB) == "it says that it is by ana@acme, and is signed with a key of bob@acme"
    other = signed(ANA, Receipt(OTHER_KEY, an_image()))
    assert disbelieved(other, ANA) == "it is of another image"
    replaced = encode_envelope(
        Envelope(encode_payload(Receipt(KEY, an_image(b"x"))), "ana@acme", _signature(signed(ANA)))
    )
    assert disbelieved(replaced, ANA) == "its signature by ana@acme is wrong"


def _signature(data: bytes) -> str:
    envelope = decode_envelope(data)
    assert isinstance(envelope, Envelope)
    return envelope.signature


def test_a_team_without_keys_believes_any_receipt() -> None:
    assert ReceiptReader(None).read(unsigned_receipts("ana@acme").receipt(RECEIPT), NAME) == RECEIPT
    assert isinstance(ReceiptReader(None).read(b"{}", NAME), BadReceipt)


@given(at=st.integers(0, 5_000), bit=st.integers(0, 7))
def test_one_changed_bit_is_not_believed(at: int, bit: int) -> None:
    data = bytearray(signed(ANA))
    data[at % len(data)] ^= 1 << bit
    found = ReceiptReader(team(ANA)).read(bytes(data), NAME)
    assert isinstance(found, BadReceipt) or found == RECEIPT  # a space after the last brace, say
    if found == RECEIPT:
        assert decode_envelope(bytes(data)) == decode_envelope(signed(ANA))


@given(st.binary(max_size=200))
def test_any_bytes_are_no_receipt(data: bytes) -> None:
    assert isinstance(ReceiptReader(team(ANA)).read(data, NAME), BadReceipt)


@pytest.mark.parametrize(
    "data",
    [
        b"[" * 100_000,
        b"{" + b'"a":' * 50_000,
        b"x" * (129 << 10),
        b'{"v":1}',
        b'{"v":true,"payload":"","by":"a","sig":""}',
        b'{"v":1,"payload":"!","by":"a","sig":""}',
        b'{"v":1,"payload":"","by":"a b","sig":""}',
        b'{"v":1,"payload":"","by":"a","sig":"","more":1}',
        b'{"v":1,"payload":"W10=","by":"a","sig":""}',
        b'{"v":1,"payload":1,"by":"a","sig":""}',
    ],
)
def test_hostile_bytes_are_refused_soon(data: bytes) -> None:
    assert isinstance(ReceiptReader(None).read(data, NAME), BadReceipt)


def test_a_newer_version_says_so() -> None:
    assert decode_envelope(b'{"v":2}') == BadReceipt("its version 2 is newer than 1: upgrade reconciler")


def test_the_payload_is_the_line_of_the_store_and_the_key() -> None:
    payload = encode_payload(RECEIPT)
    assert payload.startswith(b'{"key":"' + KEY.encode() + b'","schema":1,"content":"')
    assert decode_payload(payload) == RECEIPT


FORMAT = Path(__file__).parents[1] / "formats/receipt-v1.json"


def test_a_receipt_of_version_1_is_read_for_ever() -> None:
    content = ContentHash(json.loads(base64.b64decode(json.loads(FORMAT.read_bytes())["payload"]))["content"])
    assert ReceiptReader(team(ANA)).read(FORMAT.read_bytes(), ReceiptName(KEY, content)) == RECEIPT
    assert signed(ANA) == FORMAT.read_bytes()  # and is written so: an Ed25519 signature has no chance in it


@needs_ssh_keygen
def test_ssh_keygen_verifies_our_receipts(tmp_path: Path) -> None:
    envelope = decode_envelope(signed(ANA))
    assert isinstance(envelope, Envelope)
    (tmp_path / "keys").write_bytes(keys_of(ANA))
    armour = f"-----BEGIN SSH SIGNATURE-----\n{envelope.signature}\n-----END SSH SIGNATURE-----\n"
    (tmp_path / "sig").write_text(armour)
    verify = ["ssh-keygen", "-Y", "verify", "-f", "keys", "-s", "sig", "-I", "ana@acme", "-n", RECEIPT_NAMESPACE]
    for text, code in ((receipt_text(envelope.payload), 0), (envelope.payload, 255)):
        done = subprocess.run(verify, cwd=tmp_path, input=text, capture_output=True, check=False)
        assert done.returncode == code, done.stderr


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[Path]:
    """An ssh-agent of this test, which ends with it."""
    socket = tmp_path / "agent"
    with subprocess.Popen(["ssh-agent", "-D", "-a", str(socket)], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()  # it has printed where it listens
        try:
            with pytest.MonkeyPatch.context() as patch:
                patch.setenv("SSH_AUTH_SOCK", str(socket))
                yield socket
        finally:
            process.terminate()


@needs_ssh_keygen
def test_an_encrypted_key_is_used_through_ssh_agent(tmp_path: Path, agent: Path) -> None:
    key = tmp_path / "key"
    key.write_text(ANA.private)
    key.chmod(0o600)
    encrypted = tmp_path / "encrypted"
    encrypted.write_text(ANA.private)
    encrypted.chmod(0o600)
    subprocess.run(["ssh-keygen", "-q", "-p", "-N", "secret", "-P", "", "-f", str(encrypted)], check=True, cwd=tmp_path)
    assert encrypted.read_text() != ANA.private
    assert public_half(encrypted.read_text()) == public_half(ANA.private)
    with pytest.raises(ProjectError, match="has a passphrase, and ssh-agent does not have it"):
        signer_of_key(encrypted.read_text(), team(ANA), called="a test")
    subprocess.run(["ssh-add", "-q", str(key)], check=True, env=os.environ)
    signer = signer_of_key(encrypted.read_text(), team(ANA), called="a test")
    assert ReceiptReader(team(ANA)).read(signer.receipt(RECEIPT), NAME) == RECEIPT


def test_a_key_that_is_not_listed_is_told_its_line() -> None:
    with pytest.raises(ProjectError) as caught:
        signer_of_key(BOB.private, team(ANA), called="~/.ssh/id_ed25519")
    assert caught.value.fact == "the key of ~/.ssh/id_ed25519 is not listed in reconciler.keys"
    assert BOB.public in caught.value.hint
    assert "PRIVATE" not in str(caught.value)


@pytest.mark.parametrize("text", ["", "x", "-----BEGIN RSA PRIVATE KEY-----\nAAAA\n-----END RSA PRIVATE KEY-----"])
def test_another_kind_of_key_is_refused(text: str) -> None:
    with pytest.raises(ProjectError, match="is not an OpenSSH private key of the kind ed25519"):
        signer_of_key(text, team(ANA), called="RECONCILER_SIGNING_KEY")


@given(st.binary(max_size=300))
def test_any_bytes_are_no_signature_and_no_key(data: bytes) -> None:
    body = base64.b64encode(data).decode()
    with pytest.raises(BadSignature):
        decode_signature(body, b"text", RECEIPT_NAMESPACE)
    with pytest.raises(BadSignature):
        decode_signature(base64.b64encode(b"SSHSIG\0\0\0\1" + data).decode(), b"text", RECEIPT_NAMESPACE)
    head = "-----BEGIN OPENSSH PRIVATE KEY-----\n"
    assert public_half(f"{head}{body}\n-----END OPENSSH PRIVATE KEY-----") is None


@pytest.mark.parametrize(
    ("line", "fact"),
    [
        ("* " + ANA.public, "has a pattern of names"),
        ("!bob@acme " + ANA.public, "has a pattern of names"),
        ("ana@acme cert-authority " + ANA.public, "has an option or a kind of key"),
        ('ana@acme valid-before="20260101" ' + ANA.public, "has an option or a kind of key"),
        ('ana@acme namespaces="git" ' + ANA.public, "is not for receipts"),
        ("ana@acme ssh-rsa AAAA", "has an option or a kind of key"),
        ("ana@acme ssh-ed25519 AAAA", "has a damaged key"),
        ("ana@acme", "is not a name, a kind of key and a key"),
        ("ana@acme " + "x" * 5_000, "the line is too long"),
        ("a\u202eb@acme " + ANA.public, "invisible characters"),
    ],
)
def test_a_line_that_lists_nobody_is_named(line: str, fact: str) -> None:
    keys, (problem,) = read_keys(f"# the team\n\n{line}\n".encode())
    assert fact in problem.fact
    assert problem.place.line == 3
    assert keys.names == {}


def test_one_key_may_have_two_names_and_one_person_two_keys() -> None:
    text = f"ana@acme,ci@acme {ANA.public} a comment\nana@acme {BOB.public}\n"
    keys, problems = read_keys(text.encode())
    assert not problems
    assert sorted(keys.names.values()) == [("ana@acme",), ("ana@acme", "ci@acme")]


@given(st.binary(max_size=400))
def test_any_file_is_read_or_has_problems(data: bytes) -> None:
    keys, problems = read_keys(data)
    assert keys.names == {}
    assert all(problem.place.file == "reconciler.keys" for problem in problems)
