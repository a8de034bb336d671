"""Sign receipts with people's SSH keys, and verify them: Ed25519 in this process, by the package cryptography.

Signatures have the format of ssh-keygen, so nobody needs this program to verify one. A key with a passphrase is used
through ssh-agent, by ssh-keygen.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

from reconciler.core.errors import ProjectError
from reconciler.core.team.keys_file import TeamKeys
from reconciler.core.team.layout import ReceiptName
from reconciler.core.team.receipt import (
    RECEIPT_NAMESPACE,
    BadReceipt,
    Envelope,
    Receipt,
    decode_envelope,
    encode_envelope,
    encode_payload,
    named_receipt,
    receipt_text,
)
from reconciler.core.team.ssh_signature import (
    BadSignature,
    decode_signature,
    encode_signature,
    message_of,
    public_half,
    public_line,
)
from reconciler.core.text import one_line
from reconciler.store.documents.signatures import agent_keys, sign

NO_CRYPTOGRAPHY = "pip install 'image-reconciler[team]'"


class ReceiptReader:
    """Believes receipts that a listed key has signed for its own name; without keys, every receipt."""

    def __init__(self, keys: TeamKeys | None) -> None:
        self._keys = keys
        self._public: dict[bytes, Any] = {}

    def read(self, data: bytes, name: ReceiptName) -> Receipt | BadReceipt:
        """The receipt in an object of this name, or why it is not believed."""
        envelope = decode_envelope(data)
        if isinstance(envelope, BadReceipt):
            return envelope
        if self._keys is not None and (why := self._not_believed(envelope, self._keys)):
            return BadReceipt(why, envelope.by)
        return named_receipt(envelope, name)

    def _not_believed(self, envelope: Envelope, keys: TeamKeys) -> str:
        """Why a signature does not count; "" if it does."""
        by = one_line(envelope.by)
        if not envelope.signature:
            return f"it is not signed, and says that it is by {by}"
        try:
            signed = decode_signature(envelope.signature, receipt_text(envelope.payload), RECEIPT_NAMESPACE)
        except BadSignature:
            return f"its signature is damaged, and says that it is by {by}"
        names = keys.names.get(signed.key, ())
        if not names:
            return f"it is by {by}, whose key is not listed"
        if envelope.by not in names:
            return f"it says that it is by {by}, and is signed with a key of {one_line(names[0])}"
        return "" if self._is_valid(signed.key, signed.signature, signed.message) else f"its signature by {by} is wrong"

    def _is_valid(self, key: bytes, signature: bytes, message: bytes) -> bool:
        from cryptography.exceptions import InvalidSignature  # noqa: PLC0415 - an extra that only receipts need

        try:
            if key not in self._public:
                self._public[key] = _public_key(key)
            self._public[key].verify(signature, message)
        except (InvalidSignature, ValueError):
            return False
        return True


class ReceiptSigner:
    """Signs receipts in one name. `sign_text` returns the body of a signature over a text."""

    def __init__(self, by: str, sign_text: Callable[[bytes], str]) -> None:
        self.by = by
        self._sign_text = sign_text

    def receipt(self, receipt: Receipt) -> bytes:
        """The object that says that an image answers a recipe."""
        payload = encode_payload(receipt)
        return encode_envelope(Envelope(payload, self.by, self._sign_text(receipt_text(payload))))


def unsigned_receipts(by: str) -> ReceiptSigner:
    """A signer without a key, for a team that believes any receipt."""
    return ReceiptSigner(by, lambda text: "")


def signer_of_key(private: str, keys: TeamKeys, *, called: str) -> ReceiptSigner:
    """The signer with this private key, the text of an OpenSSH file. `called` is the place of the key, for messages.

    ProjectError if the key is none of Ed25519, is not listed, or is encrypted and ssh-agent does not have it.
    """
    public = public_half(private)
    if public is None:
        hint = "make one: `ssh-keygen -t ed25519`"
        raise ProjectError(f"{called} is not an OpenSSH private key of the kind ed25519", hint=hint)
    by = keys.signer(public)
    if not by:
        hint = f'add a line to reconciler.keys: you@example.com namespaces="{RECEIPT_NAMESPACE}" {public_line(public)}'
        raise ProjectError(f"the key of {called} is not listed in reconciler.keys", hint=hint)
    key = _private_key(private)
    if key is None:
        if all(agent_key_line(line) != public for line in agent_keys()):
            fact = f"the key of {called} has a passphrase, and ssh-agent does not have it"
            raise ProjectError(fact, hint="start ssh-agent, and give it the key by `ssh-add FILE`")
        return agent_signer(by, public)
    return ReceiptSigner(
        by, lambda text: encode_signature(public, key.sign(message_of(text, RECEIPT_NAMESPACE)), RECEIPT_NAMESPACE)
    )


def agent_signer(by: str, public: bytes) -> ReceiptSigner:
    """A signer with a key that ssh-agent holds. Each signature runs ssh-keygen."""
    line = public_line(public)
    return ReceiptSigner(by, lambda text: sign(text, line, namespace=RECEIPT_NAMESPACE, what="the receipt"))


def agent_key_line(line: str) -> bytes | None:
    """The 32 bytes of an Ed25519 key in a line of `ssh-add -L`; None for another kind."""
    from reconciler.core.team.ssh_signature import ED25519, public_bytes  # noqa: PLC0415 - beside the only use

    words = line.split()
    if len(words) < 2 or words[0] != ED25519:
        return None
    try:
        return public_bytes(base64.b64decode(words[1], validate=True))
    except (BadSignature, ValueError):
        return None


def _private_key(private: str) -> Any:
    """The key; None if it is encrypted."""
    try:
        from cryptography.exceptions import UnsupportedAlgorithm  # noqa: PLC0415 - an extra that only receipts need
        from cryptography.hazmat.primitives.serialization import load_ssh_private_key  # noqa: PLC0415 - the same
    except ImportError:
        raise ProjectError("signing receipts needs the package cryptography", hint=NO_CRYPTOGRAPHY) from None
    try:
        return load_ssh_private_key(private.strip().encode() + b"\n", password=None)
    except (TypeError, UnsupportedAlgorithm):  # it wants a passphrase, or is encrypted in a way that it does not know
        return None
    except ValueError:
        raise ProjectError("the private key is damaged", hint="make a new one: `ssh-keygen -t ed25519`") from None


def _public_key(key: bytes) -> Any:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import (  # noqa: PLC0415 - an extra that only receipts need
        Ed25519PublicKey,
    )

    return Ed25519PublicKey.from_public_bytes(key)


def require_cryptography() -> None:
    """ProjectError without the package that verifies receipts."""
    try:
        import cryptography  # noqa: F401, PLC0415 - an extra that only receipts need
    except ImportError:
        raise ProjectError("verifying receipts needs the package cryptography", hint=NO_CRYPTOGRAPHY) from None
