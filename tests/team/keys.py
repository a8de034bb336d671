"""SSH keys of tests, made in this process."""

from __future__ import annotations

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from reconciler.core.team.receipt import RECEIPT_NAMESPACE


class SshKey:
    """A key pair. `private` is the text of its file, `line` its line of `reconciler.keys`."""

    def __init__(self, name: str, seed: int = 0) -> None:
        self.name = name
        self.key = Ed25519PrivateKey.from_private_bytes(bytes([seed + 1]) * 32)
        self.private = self.key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()).decode()
        self.public = self.key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()

    @property
    def line(self) -> str:
        return f'{self.name} namespaces="{RECEIPT_NAMESPACE}" {self.public}\n'


def keys_of(*keys: SshKey) -> bytes:
    return "".join(key.line for key in keys).encode()
