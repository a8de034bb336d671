"""A depfile as gcc writes it: what a stamp depends on, for make and ninja."""

from __future__ import annotations

from collections.abc import Iterable

_ESCAPED = {" ": "\\ ", "#": "\\#", "$": "$$", "%": "\\%", "\t": "\\\t"}


def depfile_text(target: str, inputs: Iterable[str]) -> str:
    """The rule of a target; then each input as a target without a rule, so that make does not stop at a file that was
    removed. Paths with a line break or a NUL cannot be written and are left out."""
    escaped = [_path(each) for each in inputs if not set(each) & {"\n", "\r", "\0", ":"}]
    rule = " \\\n  ".join((f"{_path(target)}:", *escaped))
    return "".join((rule, "\n", *(f"\n{each}:\n" for each in escaped)))


def _path(path: str) -> str:
    return "".join(_ESCAPED.get(char, char) for char in path)
