"""How long the server of a bucket is waited for."""

from __future__ import annotations

from reconciler.core.value import value


@value
class BucketTimeouts:
    """Seconds: until a connection exists, between two pieces of an answer, and for one request."""

    connect: float = 10.0
    idle: float = 60.0
    total: float = 300.0
