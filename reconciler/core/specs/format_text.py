"""Format the text of a spec by moving its lines: fields in the order of the schema, single blank lines. Pure.

Nothing is parsed and written anew, so quotes, comments and line breaks stay as they are. A block of lines is a field
with the comments directly above it. A caller compares the values before and after.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from reconciler.core.value import value

_KEY = re.compile(r"( *)([A-Za-z_][\w.-]*|'[^']*'|\"[^\"]*\")\s*:(?:\s|$)")
_UNSAFE = re.compile(r"(?:^|[\s:\[{,-])[&*!][^\s]|^(?:---|\.\.\.|%)|\t", re.MULTILINE)


@value
class _Block:
    """A field: the blank lines and comments above it, and its own lines."""

    key: str
    above: tuple[str, ...]
    lines: tuple[str, ...]


def formatted_spec(text: str, order: Sequence[str]) -> str | None:
    """The formatted text; None for one that is left alone: it has anchors, tags, tabs or several documents, or it is
    not a mapping of one field a line."""
    if _UNSAFE.search(text):
        return None
    lines = [line.rstrip() if not line.strip() else line for line in text.split("\n")]
    places = {name: number for number, name in enumerate(order)}
    head, blocks, tail = _blocks(lines, 0)
    if not blocks:
        return None
    nested = [_with_assets(block, places) if block.key == "assets" else block for block in blocks]
    ordered = _ordered(nested, places)
    return _joined([*head, *(line for block in ordered for line in (*block.above, *block.lines)), *tail])


def _ordered(blocks: list[_Block], places: Mapping[str, int]) -> list[_Block]:
    """The blocks in order; unknown fields, and `assets`, which is long, at the end."""
    last = len(places)
    return sorted(blocks, key=lambda block: last + 1 if block.key == "assets" else places.get(block.key, last))


def _with_assets(block: _Block, places: Mapping[str, int]) -> _Block:
    """The block `assets:` with the fields of each asset in order."""
    first, *rest = block.lines
    indent = _indent_of(rest)
    head, assets, tail = _blocks(rest, indent) if indent else ([], [], [])
    if not assets:
        return block
    made: list[str] = [*head]
    for asset in assets:
        name, *below = asset.lines
        deeper = _indent_of(below)
        inner = _blocks(below, deeper) if deeper > indent else ([], [], [])
        made += [*asset.above, name]
        if inner[1]:
            made += [*inner[0], *(line for one in _ordered(inner[1], places) for line in (*one.above, *one.lines))]
            made += inner[2]
        else:
            made += below
    return _Block(block.key, block.above, (first, *made, *tail))


def _indent_of(lines: Sequence[str]) -> int:
    return next((len(line) - len(line.lstrip()) for line in lines if line.strip() and line.strip()[0] != "#"), 0)


def _blocks(lines: Sequence[str], indent: int) -> tuple[list[str], list[_Block], list[str]]:
    """The lines above the first field that stay there, the fields at an indentation, and the comments after the last.
    No fields if another line stands at this indentation."""
    found: list[_Block] = []
    above: list[str] = []
    for line in lines:
        stripped = line.strip()
        depth = len(line) - len(line.lstrip())
        if found and stripped and depth > indent:
            found[-1] = _Block(found[-1].key, found[-1].above, (*found[-1].lines, *above, line))
            above = []
        elif not stripped or (stripped[0] == "#" and depth <= indent):
            above.append(line)
        elif depth == indent and (key := _KEY.match(line)):
            found.append(_Block(key[2].strip("'\""), tuple(above), (line,)))
            above = []
        else:
            return [], [], []
    if not found:
        return [], [], []
    head, rest = _split_head(found[0].above)
    found[0] = _Block(found[0].key, rest, found[0].lines)
    return head, found, above


def _split_head(above: tuple[str, ...]) -> tuple[list[str], tuple[str, ...]]:
    """The comments at the top of a file that are not about its first field: those before a blank line; modelines."""
    cut = 0
    for number, line in enumerate(above, 1):
        if not line.strip() or "$schema" in line:
            cut = number
    return list(above[:cut]), above[cut:]


def _joined(lines: Sequence[str]) -> str:
    """The lines with at most one blank line in a row, none at the ends, and a final line break."""
    return "\n".join(_single(lines)).strip("\n") + "\n"


def _single(lines: Sequence[str]) -> Iterator[str]:
    blank = False
    for line in lines:
        if line.strip() or not blank:
            yield line
        blank = not line.strip()
