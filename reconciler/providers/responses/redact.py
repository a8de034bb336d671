"""Make foreign words fit to show: on one line, short, without control characters, keys or picture data."""

from __future__ import annotations

import re
from urllib.parse import quote

from reconciler.core.text import one_line
from reconciler.providers.secret import Key

LIMIT = 500
"""Characters of a provider's words that are kept."""
SECRET = 8
"""Characters from which a key is a secret; a shorter one is what people give to servers that want any."""

_HIDDEN = (
    (re.compile(r"(?i)\b(bearer|basic)\s+[^\s\"',;]+"), r"\1 [hidden]"),
    (re.compile(r"(?i)\b(authorization|x-goog-api-key|api[-_]key)(\"?\s*[:=]\s*\"?)[^\s\"',;&]+"), r"\1\2[hidden]"),
    (re.compile(r"\bsk-[A-Za-z0-9_*.-]{4,}"), "[hidden key]"),
    (re.compile(r"\bAIza[A-Za-z0-9_*-]{6,}"), "[hidden key]"),
    (re.compile(r"(?:data:[a-z]+/[a-z+.-]+;base64,)?[A-Za-z0-9+/_-]{100,}={0,2}"), "[data]"),
)


def redact(text: str, *, key: Key) -> str:
    """The words as they may be shown, logged and recorded, whatever was in them."""
    for secret in {key.reveal(), quote(key.reveal(), safe="")} if len(key.reveal()) >= SECRET else ():
        text = text.replace(secret, "[hidden key]")
    text = text[: 64 * LIMIT]
    for pattern, shown in _HIDDEN:
        text = pattern.sub(shown, text)
    return one_line(text, LIMIT)
