"""Construct the deriver that signs, from the certificate of the project and the key of the user."""

from __future__ import annotations

import os
from pathlib import Path

from reconciler.core.errors import DiskError, ProjectError
from reconciler.core.ports import Deriver
from reconciler.core.provenance.credentials import NO_VERIFIER
from reconciler.core.provenance.settings import SIGNING_KEY_VARIABLE, ProvenanceSettings
from reconciler.core.text import printable
from reconciler.derive.signing import SigningDeriver
from reconciler.imaging.credential_reader import has_verifier
from reconciler.imaging.credential_signer import CredentialSigner, NotSignedError, signing_key_of
from reconciler.store import disk

_MOST = 1 << 20


def signing_deriver(inner: Deriver, root: Path, settings: ProvenanceSettings, key_file: str) -> Deriver:
    """A deriver that signs. ProjectError without a certificate, a key, or c2pa-python."""
    if not has_verifier():
        raise ProjectError(f"provenance.mark is c2pa, and {NO_VERIFIER}")
    if not key_file:
        hint = f"set {SIGNING_KEY_VARIABLE} to the path of a PEM file, or write provenance: {{mark: iptc}}"
        raise ProjectError("provenance.mark is c2pa, and there is no key to sign with", hint=hint)
    path = root / settings.certificate
    if not Path(os.path.realpath(path)).is_relative_to(os.path.realpath(root)):
        fact = f"provenance.certificate: {settings.certificate} is a link that leaves the project"
        raise ProjectError(fact, hint="copy the file")
    certificates = _text(path, "provenance.certificate")
    try:
        key = signing_key_of(_text(Path(key_file), SIGNING_KEY_VARIABLE).encode())
    except NotSignedError as error:
        raise ProjectError(f"{SIGNING_KEY_VARIABLE}: {printable(key_file)}: {error}") from error
    return SigningDeriver(inner, CredentialSigner(certificates, key))


def _text(path: Path, name: str) -> str:
    try:
        return disk.plain_bytes(path, most=_MOST).decode("ascii")
    except FileNotFoundError:
        raise ProjectError(f"{name}: there is no file {printable(str(path))}") from None
    except UnicodeDecodeError:
        raise ProjectError(f"{name}: {printable(str(path))} is no PEM file") from None
    except DiskError as error:
        raise ProjectError(f"{name}: {error.fact}", hint=error.hint) from error
