"""C2PA manifests: verified in a confined process, with a certificate authority made here."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from reconciler.core.images.sniff import FORMATS
from reconciler.core.provenance.credentials import INVALID, TRUSTED, UNVERIFIED, VALID, CredentialReport
from reconciler.core.provenance.marks import find_marks
from reconciler.imaging.child_process import program
from reconciler.imaging.credential_reader import CredentialReader, has_verifier
from reconciler.imaging.credential_signer import CredentialSigner, NotSignedError, SigningKey, signing_key_of
from tests.core.provenance.authority import authority, signed, with_remote_manifest
from tests.core.provenance.carriers import marked, with_credentials

OURS, FOREIGN = "Example Studio", "Somebody Else"
needs_c2pa = pytest.mark.skipif(not has_verifier(), reason="NOT TESTED, c2pa-python is not installed")


@pytest.fixture(scope="module")
def reader() -> Iterator[CredentialReader]:
    found = CredentialReader(authority(OURS).root.decode())
    yield found
    found.close()


def flipped(data: bytes, form: str) -> bytes:
    """One byte of the pixels is another one."""
    at = {"png": -30, "jpeg": -8, "webp": data.find(b"VP8 ") + 60, "avif": data.find(b"mdat") + 60}[form]
    changed = bytearray(data)
    changed[at] ^= 1
    return bytes(changed)


@needs_c2pa
@pytest.mark.parametrize("form", FORMATS)
def test_what_a_manifest_comes_to(form: str, reader: CredentialReader, tmp_path: Path) -> None:
    def state(data: bytes) -> tuple[str, str, bool]:
        path = tmp_path / "x"
        path.write_bytes(data)
        found = reader.report(path, form)
        return found.state, found.issuer, find_marks(memoryview(data)).credentials

    assert state(signed(form, OURS)) == (TRUSTED, OURS, True)
    assert state(signed(form, FOREIGN)) == (VALID, FOREIGN, True)
    assert state(flipped(signed(form, OURS), form)) == (INVALID, OURS, True)
    assert state(with_credentials(form)) == (INVALID, "", True)
    assert not find_marks(memoryview(marked(form))).credentials


@needs_c2pa
@pytest.mark.parametrize("form", FORMATS)
def test_nobody_is_trusted_without_an_authority(form: str, tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(signed(form, OURS))
    reader = CredentialReader()
    try:
        assert reader.report(path, form) == CredentialReport(VALID, OURS, ("signingCredential.untrusted",))
    finally:
        reader.close()


def test_without_the_extra_the_presence_alone_is_told(tmp_path: Path) -> None:
    found = CredentialReader(installed=lambda: False).report(tmp_path / "x", "png")
    assert found.state == UNVERIFIED
    assert "c2pa-python is not installed" in found.problems[0]


ANSWERS = {
    "a state of its own": b'{"state": "trusted!", "issuer": "x", "problems": []}',
    "no object": b"[1]",
    "no JSON": b"{",
    "problems that are none": b'{"state": "trusted", "problems": 7}',
    "too long": b'"' + b"x" * (65 << 10) + b'"',
}


@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS.keys())
def test_a_process_that_was_taken_over_is_believed_nothing(answer: bytes) -> None:
    code = f"import os, struct, sys\nos.write(1, b'r')\nos.read(0, 9)\na = {answer!r}\n"
    code += "os.write(1, struct.pack('!I', len(a)) + a)\nos.read(0, 1 << 20)\nos.read(0, 1)\n"
    reader = CredentialReader(code=code, installed=lambda: True)
    try:
        assert reader.report(Path("x"), "png").state == UNVERIFIED
    finally:
        reader.close()


@needs_c2pa
def test_the_process_has_no_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRAVITEX_API_KEY", "sk-planted")
    code = program("reconciler.imaging.credential_worker").replace(
        "serve(", "import os\nassert 'GRAVITEX_API_KEY' not in os.environ\nserve("
    )
    path = tmp_path / "x"
    path.write_bytes(signed("png", OURS))
    reader = CredentialReader(code=code)
    try:
        assert reader.report(path, "png").state == VALID
    finally:
        reader.close()


@needs_c2pa
@pytest.mark.parametrize("kind", ["ES384", "ED25519", "PS256"])
def test_the_other_keys_of_the_specification(kind: str) -> None:
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa, utils

    makers: dict[str, Callable[[], Any]] = {
        "ES384": lambda: ec.generate_private_key(ec.SECP384R1()),
        "ED25519": ed25519.Ed25519PrivateKey.generate,
        "PS256": lambda: rsa.generate_private_key(65537, 2048),
    }
    made = makers[kind]()
    clear = (serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    key = signing_key_of(made.private_bytes(serialization.Encoding.PEM, *clear))
    signature = key.sign(b"x")
    assert key.algorithm == kind
    match kind:
        case "ES384":
            assert len(signature) == 96
            r, s = (int.from_bytes(half, "big") for half in (signature[:48], signature[48:]))
            made.public_key().verify(utils.encode_dss_signature(r, s), b"x", ec.ECDSA(hashes.SHA384()))
        case "ED25519":
            made.public_key().verify(signature, b"x")
        case _:
            salted = padding.PSS(padding.MGF1(hashes.SHA256()), 32)
            made.public_key().verify(signature, b"x", salted, hashes.SHA256())


SIGNERS = {
    "too much to sign": "part(b'')\nos.write(1, struct.pack('!I', 2 << 20))\n",
    "a mark of its own": "part(b'?')\n",
    "a file without end": "part(b'=')\nos.write(1, struct.pack('!I', 0xffffffff))\n",
}


@pytest.mark.parametrize("code", SIGNERS.values(), ids=SIGNERS.keys())
def test_a_signing_process_that_was_taken_over_gets_nothing(code: str, tmp_path: Path) -> None:
    head = (
        "import os, struct\ndef part(a): os.write(1, struct.pack('!I', len(a)) + a)\nos.write(1, b'r')\nos.read(0, 9)\n"
    )
    asked: list[bytes] = []

    def sign(data: bytes) -> bytes:
        asked.append(data)
        return b"s"

    path = tmp_path / "x.png"
    path.write_bytes(marked("png"))
    signer = CredentialSigner("", SigningKey("ES256", sign), code=f"{head}{code}os.read(0, 1 << 20)\nos.read(0, 1)\n")
    try:
        with pytest.raises(NotSignedError):
            signer.signed(path, "png", title="x", parent=path, parent_title="y")
    finally:
        signer.close()
    assert asked == []


@needs_c2pa
def test_a_manifest_on_a_server_is_not_fetched(tmp_path: Path) -> None:
    asked: list[str] = []

    class Server(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_error(404)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Server) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        path = tmp_path / "x.jpeg"
        url = f"http://127.0.0.1:{server.server_address[1]}/manifest"
        path.write_bytes(with_remote_manifest(url))
        assert url.encode() in path.read_bytes()
        reader = CredentialReader()
        try:
            assert reader.report(path, "jpeg").state == INVALID
        finally:
            reader.close()
            server.shutdown()
    assert asked == []
