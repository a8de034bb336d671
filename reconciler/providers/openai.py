"""OpenAI's Images API, and every server that speaks it."""

from __future__ import annotations

from reconciler.providers import bodies
from reconciler.providers.remote import Remote


class OpenAI(Remote):
    """OpenAI's Images API, and every server that speaks it."""

    build = staticmethod(bodies.openai)
