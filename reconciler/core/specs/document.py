"""A YAML file as plain values, with the place of every node: the output of the loader, the input of specs."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from reconciler.core.digest import Json
from reconciler.core.errors import Place, Problem, unknown_name
from reconciler.core.value import field, value

Path = tuple[str | int, ...]
"""The way to a node from the root: mapping keys and sequence indexes. `()` is the root."""


@value
class Document:
    """One parsed file. `value` holds str, int, float, bool, None, list and dict with string keys only.

    `marks[path]` is the (line, column), from 1, of the value at `path`; a value that stands in a mapping is
    marked at its *key*, where an editor should put its cursor. `spellings` is the source text of the plain numbers and
    truth values that are not written as they would read as text (`007`), by the mark of each.
    """

    file: str
    value: Json
    marks: Mapping[Path, tuple[int, int]]
    spellings: Mapping[tuple[int, int], str] = field(default_factory=dict)

    def place(self, path: Path = ()) -> Place:
        """The place of a node, or of its nearest ancestor that has one."""
        while path not in self.marks and path:
            path = path[:-1]
        line, column = self.marks.get(path, (0, 0))
        return Place(self.file, line, column)

    def spelling(self, path: Path) -> str:
        """The source text of a scalar that is not written as it would read as text; else ""."""
        return self.spellings.get(self.marks.get(path, (0, 0)), "") if self.spellings else ""

    def problem(self, path: Path, fact: str, hint: str = "") -> Problem:
        """A problem with the node at `path`; its field is the path in words (`references[1].asset`)."""
        return Problem(self.place(path), field_name(path), fact, hint)

    def unknown(self, path: Path, fact: str, name: str, names: Collection[str], hint: str = "") -> Problem:
        """The problem of a name that is none of `names`, with a suggestion, or with `hint` if none of them is near."""
        return unknown_name(self.problem(path, fact, hint), name, names)


def as_text(value: Json) -> str:
    """A scalar as it appears in text: truth values as YAML writes them."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return "null" if value is None else str(value)


def field_name(path: Path) -> str:
    """`("assets", "sword", "references", 1)` reads `assets.sword.references[1]`."""
    name = ""
    for part in path:
        name += f"[{part}]" if isinstance(part, int) else f".{part}" if name else str(part)
    return name
