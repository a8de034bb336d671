"""The confined process that verifies and writes C2PA manifests by c2pa-python. It opens no connection and has no key.

Run by `credential_reader.py` and `credential_signer.py`, not imported. See `credential_wire.py` for the messages.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from reconciler.core.provenance.credentials import INVALID, TRUSTED, VALID
from reconciler.imaging.confined import allow_seconds, confine, read_exactly, send_all
from reconciler.imaging.credential_wire import CREDENTIAL_LENGTH, MOST_CODES, MOST_TEXT
from reconciler.imaging.regular_file import open_regular

_SIGNING = {
    "version": 1,
    "builder": {"thumbnail": {"enabled": False}},
    "verify": {"remote_manifest_fetch": False, "ocsp_fetch": False},
}
_STATES = {"Trusted": TRUSTED, "Valid": VALID}


def serve(memory: int) -> None:
    """Answer requests until standard input ends. `memory` in bytes."""
    import c2pa  # noqa: PLC0415 - an extra: the module can be imported without it

    out = confine(memory)
    contexts: dict[str, Any] = {}
    while head := read_exactly(CREDENTIAL_LENGTH.size):
        request = json.loads(read_exactly(*CREDENTIAL_LENGTH.unpack(head)))
        allow_seconds(request["seconds"])
        if request["action"] == "sign":
            for part in _signed(c2pa, request, out):
                send_all(out, CREDENTIAL_LENGTH.pack(len(part)) + part)
            continue
        anchors = request["anchors"]
        if anchors not in contexts:
            contexts[anchors] = _context(c2pa, anchors)
        answer = json.dumps(_verified(c2pa, request, contexts[anchors])).encode()
        send_all(out, CREDENTIAL_LENGTH.pack(len(answer)) + answer)


def _context(c2pa: Any, anchors: str) -> Any:
    """Settings without a network. Without anchors no signer is trusted."""
    trust = {"trust": {"user_anchors": anchors}} if anchors else {}
    verify = {"verify_trust": True, "remote_manifest_fetch": False, "ocsp_fetch": False}
    return c2pa.Context(c2pa.Settings.from_dict({"version": 1, "verify": verify, **trust}))


def _signed(c2pa: Any, request: dict[str, Any], out: int) -> Iterator[bytes]:
    """The bytes of the signed file, or none and the reason. The key stays in the parent, which signs what it is sent:
    an empty part, then the bytes to sign."""

    def sign(data: bytes) -> bytes:
        for part in (b"", data):
            send_all(out, CREDENTIAL_LENGTH.pack(len(part)) + part)
        return read_exactly(*CREDENTIAL_LENGTH.unpack(read_exactly(CREDENTIAL_LENGTH.size)))

    signed = io.BytesIO()
    actions = {"label": "c2pa.actions.v2", "data": {"actions": [{"action": "c2pa.converted"}]}}
    claim = {"claim_generator_info": [{"name": "image-reconciler"}], "title": request["title"], "assertions": [actions]}
    try:
        with (
            open_regular(Path(request["path"])) as file,
            open_regular(Path(request["parent"])) as parent,
            c2pa.Context(c2pa.Settings.from_dict(_SIGNING)) as context,
            c2pa.Builder(json.dumps(claim), context=context) as builder,
        ):
            builder.set_intent(c2pa.C2paBuilderIntent.EDIT)
            named = {"title": request["parent_title"], "relationship": "parentOf"}
            builder.add_ingredient(named, request["parent_type"], parent)
            algorithm = c2pa.C2paSigningAlg[request["algorithm"]]
            signer = c2pa.Signer.from_callback(sign, algorithm, request["certificates"])
            builder.sign(signer, request["type"], file, signed)
    except (c2pa.C2paError, OSError) as error:
        yield from (b"!", str(error)[:MOST_TEXT].encode())
        return
    yield from (b"=", signed.getvalue())


def _verified(c2pa: Any, request: dict[str, Any], context: Any) -> dict[str, Any]:
    try:
        with (
            open_regular(Path(request["path"])) as file,
            c2pa.Reader(request["type"], file, context=context) as reader,
        ):
            state = _STATES.get(str(reader.get_validation_state()), INVALID)
            results = reader.get_validation_results() or {}
            issuer = ""
            with suppress(AttributeError, TypeError):  # a manifest may have anything there
                issuer = str(((reader.get_active_manifest() or {}).get("signature_info") or {}).get("issuer") or "")
            failures = (results.get("activeManifest") or {}).get("failure") or ()
            codes = [str(each.get("code"))[:MOST_TEXT] for each in failures][:MOST_CODES]
            return {"state": state, "issuer": issuer[:MOST_TEXT], "problems": codes}
    except c2pa.C2paError as error:
        return {"state": INVALID, "issuer": "", "problems": [str(error)[:MOST_TEXT]]}
    except OSError as error:
        return {"state": "", "issuer": "", "problems": [str(error.strerror or "cannot be read")[:MOST_TEXT]]}
