"""The first provider, a gateway to four series of models."""

from __future__ import annotations

from reconciler.providers.remote import Remote
from reconciler.providers.requests import build as bodies


class Gravitex(Remote):
    """The first provider, a gateway to four series of models."""

    build = staticmethod(bodies.gravitex)
