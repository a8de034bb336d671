"""A YAML file as plain values, with the place of every node: the output of the loader, the input of specs."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from reconciler.core.digest import Json
from reconciler.core.errors import Place, Problem, unknown_name
from reconciler.core.value import value

Path = tuple[str | int, ...]
"""The way to a node from the root: mapping keys and sequence indexes. `()` is the root."""


@value
class Document:
    """One parsed file. `value` holds str, int, float, bool, None, list and dict with string keys only.

    `marks[path]` is the (line, column), from 1, of the value at `path`; a value that stands in a mapping is
    marked at its *key*, where an editor should put its cursor.
    """

    file: str
    value: Json
    marks: Mapping[Path, tuple[int, int]]

    def place(self, path: Path = ()) -> Place:
        """The place of a node, or of its nearest ancestor that has one."""
        while path not in self.marks and path:
            path = path[:-1]
        line, column = self.marks.get(path, (0, 0))
        return Place(self.file, line, column)

    def problem(self, path: Path, fact: str, hint: str = "") -> Problem:
        """A problem with the node at `path`; its field is the path in words (`references[1].asset`)."""
        return Problem(self.place(path), field_name(path), fact, hint)

    def unknown(self, path: Path, fact: str, name: str, names: Collection[str], hint: str = "") -> Problem:
        """The problem of a name that is none of `names`, with a suggestion, or with `hint` if none of them is near."""
        return unknown_name(self.problem(path, fact, hint), name, names)


def field_name(path: Path) -> str:
    """`("assets", "sword", "references", 1)` reads `assets.sword.references[1]`."""
    name = ""
    for part in path:
        name += f"[{part}]" if isinstance(part, int) else f".{part}" if name else str(part)
    return name
