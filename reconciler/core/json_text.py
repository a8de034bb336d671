"""JSON for programs that a terminal or a CI log may show all the same: nothing in it is obeyed or unseen."""

from __future__ import annotations

import json
from typing import Any

from reconciler.core.text import is_hidden


def json_text(value: Any, *, indent: int | None = None) -> str:
    """The document, without a final newline. Equal to what `json.dumps` gives once it is read."""
    text = json.dumps(value, indent=indent, ensure_ascii=False, default=str)
    if "##[" in text:
        text = text.replace("##[", "#\\u0023[")  # `#` stands in strings alone
    if text.isascii() and "\x7f" not in text:
        return text
    return "".join(_escaped(char) if char != "\n" and is_hidden(char) else char for char in text)


def _escaped(char: str) -> str:
    """As JSON escapes it: a character beyond the basic plane is two halves."""
    return json.dumps(char)[1:-1] if ord(char) != 0x7F else "\\u007f"
