"""Escape text for the files that web pages and game engines read: HTML, XML, CSS, URLs."""

from __future__ import annotations

import re
from html import escape

from reconciler.core.text import is_hidden

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
"""Characters that XML cannot hold, not even escaped."""


def markup(text: str) -> str:
    """The text for an element or a quoted attribute of HTML or XML. Hidden characters are character references."""
    plain = escape(_CONTROL.sub("\ufffd", text))
    return "".join(f"&#{ord(char)};" if is_hidden(char) else char for char in plain)


def url_path(path: str) -> str:
    """A path as the path of a URL."""
    data = path.encode("utf-8", "surrogatepass")
    return "".join(chr(byte) if chr(byte) in _IN_URL else f"%{byte:02X}" for byte in data)


_IN_URL = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~/@+=!$")
"""Neither a comma, which separates the candidates of a srcset, nor a quote or a parenthesis, which end a URL in CSS."""


def css_name(text: str) -> str:
    """An identifier of CSS, as `CSS.escape` writes it."""
    out = []
    for index, char in enumerate(text):
        digit = "0" <= char <= "9"
        if is_hidden(char) or char == "\0" or (digit and index == 0) or (digit and index == 1 and text[0] == "-"):
            out.append(f"\\{ord(char) or 0xFFFD:x} ")
        elif (char.isascii() and not (char.isalnum() or char in "-_")) or text == "-":
            out.append("\\" + char)
        else:
            out.append(char)
    return "".join(out)
