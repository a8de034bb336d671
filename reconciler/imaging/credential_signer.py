"""Write C2PA manifests into files. The pictures are read by a confined process; the key stays in this one.

c2pa-python, an extra, brings both the writer and the library that signs.
"""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from reconciler.core.images.magic import HEAD, image_format
from reconciler.core.value import value
from reconciler.imaging.child_process import ConfinedProcess, DecoderError
from reconciler.imaging.credential_reader import CREDENTIAL_PROGRAM
from reconciler.imaging.credential_wire import CREDENTIAL_LENGTH, MIME_TYPES, MOST_CLAIM, MOST_SIGNED, MOST_TEXT
from reconciler.imaging.regular_file import open_regular

_MEMORY = 1 << 30
_SECONDS = 30


class NotSignedError(Exception):
    """Why a file has no manifest."""


@value
class SigningKey:
    """A private key: the algorithm's name in C2PA, and a function that signs bytes."""

    algorithm: str
    sign: Callable[[bytes], bytes]


def signing_key_of(pem: bytes) -> SigningKey:
    """The key in a PEM file without a passphrase: ECDSA on P-256 or P-384, Ed25519, or RSA. NotSignedError for
    others."""
    from cryptography.exceptions import UnsupportedAlgorithm  # noqa: PLC0415 - of the extra
    from cryptography.hazmat.primitives import hashes  # noqa: PLC0415 - the same
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa, utils  # noqa: PLC0415 - the same
    from cryptography.hazmat.primitives.serialization import load_pem_private_key  # noqa: PLC0415 - the same

    try:
        key: Any = load_pem_private_key(pem, None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise NotSignedError("it is no private key in PEM, or has a passphrase") from None

    def ecdsa(data: bytes, digest: hashes.HashAlgorithm, size: int) -> bytes:
        r, s = utils.decode_dss_signature(key.sign(data, ec.ECDSA(digest)))
        return r.to_bytes(size, "big") + s.to_bytes(size, "big")

    match key:
        case ec.EllipticCurvePrivateKey(curve=ec.SECP256R1()):
            return SigningKey("ES256", lambda data: ecdsa(data, hashes.SHA256(), 32))
        case ec.EllipticCurvePrivateKey(curve=ec.SECP384R1()):
            return SigningKey("ES384", lambda data: ecdsa(data, hashes.SHA384(), 48))
        case ed25519.Ed25519PrivateKey():
            return SigningKey("ED25519", key.sign)
        case rsa.RSAPrivateKey():
            salted = padding.PSS(padding.MGF1(hashes.SHA256()), 32)
            return SigningKey("PS256", lambda data: key.sign(data, salted, hashes.SHA256()))
    raise NotSignedError("it is a key that C2PA does not take")


class CredentialSigner:
    """Signs one file after another. `certificates` are those of the signer in PEM, its own first."""

    def __init__(self, certificates: str, key: SigningKey, *, code: str = CREDENTIAL_PROGRAM) -> None:
        self._certificates = certificates
        self._key = key
        self._code = code
        self._lock = threading.Lock()
        self._process: ConfinedProcess | None = None

    def signed(self, path: Path, format_: str, *, title: str, parent: Path, parent_title: str) -> bytes:
        """The bytes of a file with a manifest that names the picture from which it was made. Raises NotSignedError, and
        OSError if a file cannot be read."""
        request = {
            "action": "sign",
            "seconds": _SECONDS,
            "path": os.path.abspath(path),
            "type": MIME_TYPES[format_],
            "title": title,
            "parent": os.path.abspath(parent),
            "parent_type": MIME_TYPES[_format_of(parent)],
            "parent_title": parent_title,
            "algorithm": self._key.algorithm,
            "certificates": self._certificates,
        }
        with self._lock:
            try:
                return self._asked(json.dumps(request).encode())
            except DecoderError as error:
                self._end()
                raise NotSignedError(str(error)) from error
            except NotSignedError:
                self._end()
                raise

    def close(self) -> None:
        """End the process."""
        with self._lock:
            self._end()

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.end()

    def _asked(self, request: bytes) -> bytes:
        process = self._process = self._process or ConfinedProcess(self._code, _MEMORY)
        most = 4 * _SECONDS
        end = time.monotonic() + most

        def part(limit: int) -> bytes:
            (length,) = CREDENTIAL_LENGTH.unpack(process.read(CREDENTIAL_LENGTH.size, end, most=most))
            if length > limit:
                raise NotSignedError("the writer of manifests gave no valid answer")
            return process.read(length, end, most=most)

        process.write(CREDENTIAL_LENGTH.pack(len(request)) + request)
        mark = part(1)
        if not mark:
            signature = self._key.sign(part(MOST_CLAIM))
            process.write(CREDENTIAL_LENGTH.pack(len(signature)) + signature)
            mark = part(1)
        if mark == b"=":
            return part(MOST_SIGNED)
        raise NotSignedError(part(4 * MOST_TEXT).decode("utf-8", "replace") if mark == b"!" else "no valid answer")


def _format_of(path: Path) -> str:
    with open_regular(path) as file:
        found = image_format(file.read(HEAD))
    if found not in MIME_TYPES:
        raise NotSignedError("the picture has a format that C2PA does not take")
    return found
