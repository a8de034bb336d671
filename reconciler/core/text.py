"""The one escaper: foreign text without control sequences of terminals and CI logs, and without hidden characters."""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
"""Unicode categories: controls, formats (bidirectional overrides, joiners, tags), halves of pairs, private and
unassigned characters, separators of lines and paragraphs."""

COMMAND = r"##(?=[A-Za-z]*\[)"
"""The beginning of `##[error]`, `##vso[…]` and `##teamcity[…]`: the runners of GitHub, Azure and TeamCity execute them
anywhere in a line. A pattern, compiled on use."""


def is_hidden(char: str) -> bool:
    """Whether a character controls a terminal or is invisible to a reader."""
    return unicodedata.category(char) in _HIDDEN


def printable(text: str) -> str:
    """The text on one line, with every hidden character escaped and every workflow command of a CI log broken."""
    if not (text.isascii() and text.isprintable()):
        text = "".join(_escaped(char) if is_hidden(char) else char for char in text)
    if "##" in text:
        text = re.sub(COMMAND, r"#\\x23", text)
    if "::" in text and text.lstrip().startswith("::"):
        text = text.replace(":", "\\x3a", 1)  # at the beginning of a line
    return text


def one_line(text: str, width: int = 60) -> str:
    """Printable, white space collapsed, cut to `width` characters with an ellipsis."""
    flat = printable(" ".join(text.split()))
    return flat if len(flat) <= width else flat[: width - 1] + "…"


def relative_path(path: Path, root: Path) -> str:
    """The path as messages show it: relative to the project at `root`, absolute if it is elsewhere."""
    return str(path.relative_to(root) if path.is_relative_to(root) else path)


def _escaped(char: str) -> str:
    return char.encode("unicode_escape", "surrogatepass").decode("ascii")
