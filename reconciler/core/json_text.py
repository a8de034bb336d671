"""JSON for programs that is also safe to show in a terminal or a CI log: no control or hidden characters."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from reconciler.core.text import COMMAND, is_hidden


def json_text(value: Any, *, indent: int | None = None) -> str:
    """The document, without a final newline. Parsed, it equals the output of `json.dumps`."""
    return _harmless(json.dumps(value, indent=indent, ensure_ascii=False, default=str))


def json_list_text(head: Mapping[str, Any], name: str, items: Iterable[Any]) -> str:
    """The document of `head` and, under `name`, a list with a line for each item. Indented, 10,000 items take the
    encoder of Python a second; on lines of their own, they are written by that of C."""
    encode = json.JSONEncoder(ensure_ascii=False, default=str).encode
    begun = "".join(f"  {encode(key)}: {encode(value)},\n" for key, value in head.items())
    lines = ",\n".join(f"    {encode(item)}" for item in items)
    listed = f"[\n{lines}\n  ]" if lines else "[]"
    return _harmless(f"{{\n{begun}  {encode(name)}: {listed}\n}}")


def _harmless(text: str) -> str:
    """JSON in which every hidden character is escaped."""
    if "##" in text:
        text = re.sub(COMMAND, r"#\\u0023", text)  # `#` is found in strings only
    if text.isascii() and "\x7f" not in text:
        return text
    return "".join(_escaped(char) if char != "\n" and is_hidden(char) else char for char in text)


def _escaped(char: str) -> str:
    """The JSON escape: a surrogate pair for a character beyond the basic plane."""
    return json.dumps(char)[1:-1] if ord(char) != 0x7F else "\\u007f"
