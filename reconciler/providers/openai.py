"""OpenAI's Images API, and every server that speaks it."""

from __future__ import annotations

from reconciler.providers.remote import Remote
from reconciler.providers.requests import build as bodies


class OpenAI(Remote):
    """OpenAI's Images API, and every server that speaks it."""

    build = staticmethod(bodies.openai)
