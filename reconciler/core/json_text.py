"""JSON for programs that is also safe to show in a terminal or a CI log: no control or hidden characters."""

from __future__ import annotations

import json
import re
from typing import Any

from reconciler.core.text import COMMAND, is_hidden


def json_text(value: Any, *, indent: int | None = None) -> str:
    """The document, without a final newline. Parsed, it equals the output of `json.dumps`."""
    text = json.dumps(value, indent=indent, ensure_ascii=False, default=str)
    if "##" in text:
        text = re.sub(COMMAND, r"#\\u0023", text)  # `#` is found in strings only
    if text.isascii() and "\x7f" not in text:
        return text
    return "".join(_escaped(char) if char != "\n" and is_hidden(char) else char for char in text)


def _escaped(char: str) -> str:
    """The JSON escape: a surrogate pair for a character beyond the basic plane."""
    return json.dumps(char)[1:-1] if ord(char) != 0x7F else "\\u007f"
