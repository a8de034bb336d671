"""A certificate authority for tests, and pictures signed with C2PA. For tests that have skipped without c2pa-python."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from tests.core.provenance.carriers import marked

TYPES = {"png": "image/png", "jpeg": "image/jpeg", "webp": "image/webp", "avif": "image/avif"}
MANIFEST = {
    "claim_generator_info": [{"name": "a test"}],
    "title": "x",
    "assertions": [
        {
            "label": "c2pa.actions.v2",
            "data": {
                "actions": [
                    {
                        "action": "c2pa.created",
                        "digitalSourceType": "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia",
                    }
                ]
            },
        }
    ],
}


class Authority:
    """A root certificate, and one that it has signed for a signer of pictures."""

    def __init__(self, organisation: str) -> None:
        from cryptography import x509
        from cryptography.hazmat.primitives import hashes, serialization
        from cryptography.hazmat.primitives.asymmetric import ec

        self.organisation = organisation
        now = datetime.now(UTC)
        keys = [ec.generate_private_key(ec.SECP256R1()) for _ in range(2)]
        names = [
            x509.Name(
                [
                    x509.NameAttribute(x509.NameOID.ORGANIZATION_NAME, organisation),
                    x509.NameAttribute(x509.NameOID.COMMON_NAME, common),
                ]
            )
            for common in ("Root", "Signer")
        ]
        pems = []
        for number, (key, name) in enumerate(zip(keys, names, strict=True)):
            built = (
                x509.CertificateBuilder()
                .subject_name(name)
                .issuer_name(names[0])
                .public_key(key.public_key())
                .serial_number(x509.random_serial_number())
                .not_valid_before(now - timedelta(days=1))
                .not_valid_after(now + timedelta(days=30))
                .add_extension(x509.BasicConstraints(ca=not number, path_length=None), critical=True)
                .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
                .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(keys[0].public_key()), critical=False)
                .add_extension(_usage(authority=not number), critical=True)
            )
            if number:
                purpose = x509.ExtendedKeyUsage([x509.oid.ExtendedKeyUsageOID.EMAIL_PROTECTION])
                built = built.add_extension(purpose, critical=False)
            pems.append(built.sign(keys[0], hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
        self.root, self.chain = pems
        self.key = keys[1].private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )


def _usage(*, authority: bool) -> Any:
    from cryptography import x509

    given = {"digital_signature": not authority, "key_cert_sign": authority, "crl_sign": authority}
    others = ("content_commitment", "key_encipherment", "data_encipherment", "key_agreement")
    return x509.KeyUsage(**given, **dict.fromkeys((*others, "encipher_only", "decipher_only"), False))


@cache
def authority(organisation: str) -> Authority:
    return Authority(organisation)


@cache
def signed(form: str, organisation: str) -> bytes:
    """A picture signed by the signer of an authority."""
    import c2pa

    by = authority(organisation)
    info = c2pa.C2paSignerInfo(alg=b"es256", sign_cert=by.chain, private_key=by.key, ta_url=None)
    settings = c2pa.Settings.from_dict({"builder": {"thumbnail": {"enabled": False}}})
    out = io.BytesIO()
    with c2pa.Context(settings) as context, c2pa.Builder(json.dumps(MANIFEST), context=context) as builder:
        builder.sign(c2pa.Signer.from_info(info), TYPES[form], io.BytesIO(marked(form)), out)
    return out.getvalue()


def with_remote_manifest(url: str) -> bytes:
    """A picture whose manifest lies on a server."""
    import c2pa

    by = authority("Example Studio")
    info = c2pa.C2paSignerInfo(alg=b"es256", sign_cert=by.chain, private_key=by.key, ta_url=None)
    settings = c2pa.Settings.from_dict(
        {"builder": {"thumbnail": {"enabled": False}}, "verify": {"verify_after_sign": False}}
    )
    out = io.BytesIO()
    with c2pa.Context(settings) as context, c2pa.Builder(json.dumps(MANIFEST), context=context) as builder:
        builder.set_no_embed()
        builder.set_remote_url(url)
        builder.sign(c2pa.Signer.from_info(info), "image/jpeg", io.BytesIO(marked("jpeg")), out)
    return out.getvalue()
