"""Edit single values of a YAML text in place: every other byte stays as it is. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from reconciler.core.digest import Json
from reconciler.core.specs.document import Document, Path
from reconciler.core.value import value

_MODEL = "model"


@value
class ScalarEdit:
    """One value to replace: the place of its key, and the text before and after."""

    line: int
    column: int
    key: str
    before: str
    after: str


def model_edits(document: Document, renames: Mapping[str, str]) -> tuple[ScalarEdit, ...]:
    """The fields `model` of a spec, of defaults, of styles or of the project file that name one of these models."""
    edits = []
    for path, name in _models(document.value, ()):
        if name in renames and path in document.marks:
            line, column = document.marks[path]
            edits.append(ScalarEdit(line, column, _MODEL, name, renames[name]))
    return tuple(edits)


def edited_text(text: str, edits: tuple[ScalarEdit, ...]) -> str | None:
    """The text after the edits; None if one of the values is not written on the line of its key."""
    lines = text.splitlines(keepends=True)
    for edit in sorted(edits, key=lambda each: (each.line, each.column), reverse=True):
        line = lines[edit.line - 1] if edit.line <= len(lines) else ""
        start = edit.column - 1
        pattern = rf"([\"']?){re.escape(edit.key)}\1\s*:\s+([\"']?){re.escape(edit.before)}\2(?=[\s,}}\]]|$)"
        found = re.compile(pattern).match(line, start)
        if found is None:
            return None
        head = found[0][: len(found[0]) - len(edit.before) - len(found[2])]
        lines[edit.line - 1] = line[:start] + head + edit.after + found[2] + line[found.end() :]
    return "".join(lines)


def _models(node: Json, path: Path) -> Iterator[tuple[Path, str]]:
    """The paths of all fields `model`, but those of variables and parameters."""
    if isinstance(node, Mapping):
        for key, below in node.items():
            if key == _MODEL and isinstance(below, str):
                yield (*path, key), below
            elif key not in ("vars", "params", "matrix", "models", "providers"):
                yield from _models(below, (*path, key))
    elif isinstance(node, list | tuple):
        for number, below in enumerate(node):
            yield from _models(below, (*path, number))
