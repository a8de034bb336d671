"""The messages to and from the process of C2PA manifests. Each part is a length, and so many bytes.

A request is a part of JSON. The answer to a verification is one, too. To a request to sign, the process answers with an
empty part and the bytes to sign, until it has the signature in a part; then with `=` and the file, or `!` and a reason.
"""

from __future__ import annotations

import struct

CREDENTIAL_LENGTH = struct.Struct("!I")
MOST_ANSWER = 64 << 10
MOST_CODES = 20
MOST_TEXT = 200
MOST_SIGNED = 256 << 20
"""The most bytes of a signed file. The manifest of its image travels in it."""
MOST_CLAIM = 1 << 20
"""The most bytes that are to be signed: a claim is hashes."""
MIME_TYPES = {"png": "image/png", "jpeg": "image/jpeg", "webp": "image/webp", "avif": "image/avif"}
