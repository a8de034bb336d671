"""The messages between a CredentialReader and its process: a length, and so many bytes of JSON."""

from __future__ import annotations

import struct

CREDENTIAL_LENGTH = struct.Struct("!I")
MOST_ANSWER = 64 << 10
MOST_CODES = 20
MOST_TEXT = 200
