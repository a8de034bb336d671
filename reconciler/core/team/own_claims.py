"""The claims that this checkout has made and not yet ended in the team's store, as a file each."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Protocol

from reconciler.core.digest import Json
from reconciler.core.errors import LockfileError
from reconciler.core.lock.json_shape import UPGRADE, Shape, compact_json, shaped
from reconciler.core.team.claim import Claim, ClaimEnd, claim_json, claim_of_json, decode_claim_end, encode_claim_end
from reconciler.core.value import value

OWN_CLAIM_VERSION = 1
"""The version of the files; tests/formats has one of each kind."""


@value
class OwnClaim:
    """A claim of this checkout. `end` is known here, and not known to be in the team's store."""

    claim: Claim
    end: ClaimEnd | None = None


class OwnClaimLog(Protocol):
    """The claims of this checkout that have no end in the team's store. Used by several threads at a time."""

    def write(self, own: OwnClaim) -> None:
        """Record a claim before it is made, or its end. Durable once this returns are an end, and the claim of a batch:
        its attempt comes into the journal only when all of the batch are claimed."""
        ...

    def drop(self, attempt: str) -> None:
        """The claim has its end in the store, or was never made."""
        ...

    def read(self) -> tuple[OwnClaim, ...]:
        """All of them, in the order of their numbers."""
        ...


def encode_own_claim(own: OwnClaim) -> bytes:
    """The bytes of one file."""
    claim = claim_json(own.claim)
    ended: dict[str, Json] = {} if own.end is None else {"end": json.loads(encode_claim_end(own.end))}
    return compact_json({"own_claim": OWN_CLAIM_VERSION, "of": claim, **ended}).encode() + b"\n"


_SHAPE = Shape({"own_claim": int, "of": dict}, {"end": dict})


def decode_own_claim(data: bytes) -> OwnClaim:
    """The claim that `encode_own_claim` wrote. LockfileError, without a place, for anything else."""
    try:
        fields = json.loads(data.decode())
    except (ValueError, RecursionError) as error:
        raise LockfileError(f"not a claim: {error}") from error
    if isinstance(fields, dict) and type(fields.get("own_claim")) is int and fields["own_claim"] > OWN_CLAIM_VERSION:
        raise LockfileError(f"version {fields['own_claim']} of a claim", hint=UPGRADE)
    known: Mapping[str, Any] = shaped(fields, _SHAPE)
    end = decode_claim_end(json.dumps(known["end"]).encode()) if "end" in known else None
    return OwnClaim(claim_of_json(known["of"]), end)
