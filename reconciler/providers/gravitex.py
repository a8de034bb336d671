"""The first provider, a gateway to four series of models."""

from __future__ import annotations

from reconciler.providers import bodies
from reconciler.providers.remote import Remote


class Gravitex(Remote):
    """The first provider, a gateway to four series of models."""

    build = staticmethod(bodies.gravitex)
