"""Redact text of a server: one short line, without control characters, keys or image data."""

from __future__ import annotations

import json
import mmap
import os
import re
from base64 import b64encode
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote

from reconciler.core.digest import Json
from reconciler.core.text import one_line
from reconciler.providers.http.spool_file import open_picture
from reconciler.providers.secret import Key

LIMIT = 500
"""The most characters of a message that are kept."""
SECRET = 8
"""The least length of a key that is hidden. A shorter one is a dummy for a server that accepts any."""

_HIDDEN = (
    (re.compile(r"(?i)\b(bearer|basic)\s+[^\s\"',;]+"), r"\1 [hidden]"),
    (re.compile(r"(?i)\b(authorization|x-goog-api-key|api[-_]key)(\"?\s*[:=]\s*\"?)[^\s\"',;&]+"), r"\1\2[hidden]"),
    (re.compile(r"\bsk-[A-Za-z0-9_*.-]{4,}"), "[hidden key]"),
    (re.compile(r"\bAIza[A-Za-z0-9_*-]{6,}"), "[hidden key]"),
    (re.compile(r"(?:data:[a-z]+/[a-z+.-]+;base64,)?[A-Za-z0-9+/_-]{100,}={0,2}"), "[data]"),
)


def redact(text: str, *, key: Key) -> str:
    """The text in a form that is safe to show, log and record."""
    for secret in _spellings(key):
        text = text.replace(secret, "[hidden key]")
    text = text[: 64 * LIMIT]
    for pattern, shown in _HIDDEN:
        text = pattern.sub(shown, text)
    return one_line(text, LIMIT)


def mask_key(path: Path, *, key: Key) -> bool:
    """Overwrite the key with asterisks wherever a file has it, and say whether it did. Raises OSError."""
    found = False
    with open_picture(path) as file:
        if not os.fstat(file.fileno()).st_size:  # cannot be mapped
            return False
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            found = any(data.find(secret.encode()) >= 0 for secret in _spellings(key))
    if found:
        with path.open("r+b") as ours, mmap.mmap(ours.fileno(), 0) as data:
            for secret in _spellings(key):
                at = -1
                while (at := data.find(secret.encode(), at + 1)) >= 0:
                    data[at : at + len(secret)] = b"*" * len(secret)
    return found


def _spellings(key: Key) -> frozenset[str]:
    """The key as it is, in a URL, in JSON and as base64; none if it is a dummy."""
    text = key.reveal()
    if len(text) < SECRET:
        return frozenset()
    encoded = b64encode(text.encode()).decode().rstrip("=")
    return frozenset((text, quote(text, safe=""), text.replace("/", "\\/"), json.dumps(text)[1:-1], encoded))


def redact_counts(counts: Mapping[str, Json], *, key: Key) -> dict[str, Json]:
    """The counts without those that show a secret in their name or in their digits."""
    return {
        name: redact_counts(count, key=key) if isinstance(count, Mapping) else count
        for name, count in counts.items()
        if not (_shows_secret(name, key) or (not isinstance(count, Mapping) and _shows_secret(str(count), key)))
    }


def _shows_secret(text: str, key: Key) -> bool:
    return redact(text, key=key) != one_line(text, LIMIT)
