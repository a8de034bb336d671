"""Google's own API, in its native shape."""

from __future__ import annotations

from reconciler.providers.remote import Remote
from reconciler.providers.requests import build as bodies


class Gemini(Remote):
    """Google's own API, in its native shape."""

    build = staticmethod(bodies.gemini)
    key_header = ("x-goog-api-key", "")
