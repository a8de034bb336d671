"""The signature format of `ssh-keygen -Y sign` (OpenSSH's PROTOCOL.sshsig), for Ed25519 keys.

A signature that is made here is verified by ssh-keygen, and the other way round.
"""

from __future__ import annotations

import base64
import hashlib

from reconciler.core.value import value

ED25519 = "ssh-ed25519"
_MAGIC = b"SSHSIG"
_VERSION = 1
_HASHES = {"sha512": hashlib.sha512, "sha256": hashlib.sha256}
_PUBLIC_BYTES, _SIGNATURE_BYTES = 32, 64
_LONGEST = 2_000
_PRIVATE = b"openssh-key-v1\0"
_PEM_BEGIN, _PEM_END = "-----BEGIN OPENSSH PRIVATE KEY-----", "-----END OPENSSH PRIVATE KEY-----"


@value
class SshSignature:
    """A signature: the public key (32 bytes) that is said to have made it, and its 64 bytes over `message`."""

    key: bytes
    signature: bytes
    message: bytes


class BadSignature(ValueError):
    """The bytes are no signature of this kind."""


def message_of(text: bytes, namespace: str, *, digest: str = "sha512") -> bytes:
    """The bytes that a key signs for a text."""
    hashed = _HASHES[digest](text).digest()
    return _MAGIC + b"".join(map(_string, (namespace.encode(), b"", digest.encode(), hashed)))


def encode_signature(key: bytes, signature: bytes, namespace: str) -> str:
    """The body of a signature over `message_of(…)`, in base64."""
    fields = (public_blob(key), namespace.encode(), b"", b"sha512", _string(ED25519.encode()) + _string(signature))
    blob = _MAGIC + _VERSION.to_bytes(4, "big") + b"".join(map(_string, fields))
    return base64.b64encode(blob).decode()


def decode_signature(body: str, text: bytes, namespace: str) -> SshSignature:
    """The parts of a signature that is said to be over a text. BadSignature for anything else than an Ed25519 one."""
    if len(body) > _LONGEST:
        raise BadSignature("too long")
    try:
        blob = base64.b64decode(body, validate=True)
    except ValueError:
        raise BadSignature("not base64") from None
    start = len(_MAGIC) + 4
    if not blob.startswith(_MAGIC) or int.from_bytes(blob[len(_MAGIC) : start], "big") != _VERSION:
        raise BadSignature("not a signature")
    key, named, reserved, digest, signature = _strings(blob[start:], 5)
    kind, raw = _strings(signature, 2)
    if named != namespace.encode() or reserved or kind != ED25519.encode() or len(raw) != _SIGNATURE_BYTES:
        raise BadSignature("another kind of signature")
    if (name := digest.decode("ascii", "replace")) not in _HASHES:
        raise BadSignature("an unknown digest")
    return SshSignature(public_bytes(key), raw, message_of(text, namespace, digest=name))


def public_blob(key: bytes) -> bytes:
    """The bytes behind `ssh-ed25519 ` in a public key file, before base64."""
    return _string(ED25519.encode()) + _string(key)


def public_bytes(blob: bytes) -> bytes:
    """The 32 bytes of an Ed25519 key in a blob; BadSignature for another kind of key."""
    kind, key = _strings(blob, 2)
    if kind != ED25519.encode() or len(key) != _PUBLIC_BYTES:
        raise BadSignature("not an Ed25519 key")
    return key


def public_line(key: bytes) -> str:
    """The line of a public key file, without a comment."""
    return f"{ED25519} {base64.b64encode(public_blob(key)).decode()}"


def public_half(private: str) -> bytes | None:
    """The public key in the text of an OpenSSH private key, where it is never encrypted; None for another kind."""
    body = private.strip()
    if not (body.startswith(_PEM_BEGIN) and body.endswith(_PEM_END)):
        return None
    try:
        blob = base64.b64decode("".join(body[len(_PEM_BEGIN) : -len(_PEM_END)].split()), validate=True)
        if not blob.startswith(_PRIVATE):
            return None
        rest = blob[len(_PRIVATE) :]
        for _ in range(3):  # the cipher, the key derivation and its options
            rest = rest[4 + int.from_bytes(rest[:4], "big") :]
        number, rest = int.from_bytes(rest[:4], "big"), rest[4:]
        length = int.from_bytes(rest[:4], "big")
        return public_bytes(rest[4 : 4 + length]) if number == 1 else None
    except ValueError:
        return None


def _string(data: bytes) -> bytes:
    return len(data).to_bytes(4, "big") + data


def _strings(blob: bytes, number: int) -> tuple[bytes, ...]:
    """Exactly so many strings with their lengths before them."""
    found, at = [], 0
    for _ in range(number):
        length = int.from_bytes(blob[at : at + 4], "big")
        part = blob[at + 4 : at + 4 + length]
        if len(blob) < at + 4 or len(part) != length:
            raise BadSignature("cut off")
        found.append(part)
        at += 4 + length
    if at != len(blob):
        raise BadSignature("something follows it")
    return tuple(found)
