"""Prove that a server refuses to create an object twice: claims rest on it, and some servers overwrite."""

from __future__ import annotations

import io

from reconciler.core.errors import BucketError
from reconciler.core.team.bucket import Bucket
from reconciler.core.team.layout import PROBE_NAME
from reconciler.team.refusals import CANNOT_CLAIM

_MOST = 1 << 10


def prove_conditions(bucket: Bucket, *, place: str, nonce: str) -> None:
    """BucketError if a second writer of a name wins. `nonce` is new for each call.

    One object with a fixed name is enough for ever: after the first probe, each finds the name taken, and must.
    """
    first, second = (f"{number} {nonce}\n".encode() for number in (1, 2))
    created = bucket.put_new(PROBE_NAME, first)
    overwritten = created and bucket.put_new(PROBE_NAME, second)
    found = io.BytesIO()
    there = bucket.get(PROBE_NAME, found, most=_MOST)
    kept = found.getvalue() == first if created else found.getvalue() not in (first, second)
    if overwritten or not there or not kept:
        fact = f"{place} lets a second writer overwrite an object, so it cannot keep claims"
        raise BucketError(fact, hint=CANNOT_CLAIM)
