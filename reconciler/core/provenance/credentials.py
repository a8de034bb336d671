"""What a verification of a C2PA manifest came to, as a value."""

from __future__ import annotations

from reconciler.core.value import value

TRUSTED, VALID, INVALID, UNVERIFIED = "trusted", "valid", "invalid", "unverified"
"""trusted: intact, and its signer has a certificate of a given authority. valid: intact, by a signer whom no given
authority vouches for. invalid: the file or the manifest was changed. unverified: nobody looked."""
NO_VERIFIER = "c2pa-python is not installed: `pip install 'image-reconciler[provenance]'`"


@value
class CredentialReport:
    """`state` is one of the four. `issuer` is the organisation that the certificate names, which anybody can write
    unless the state is trusted. `problems` are codes of the C2PA specification, or the reason why nothing was
    verified."""

    state: str
    issuer: str = ""
    problems: tuple[str, ...] = ()
