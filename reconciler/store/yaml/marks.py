"""The position of each value in a YAML file, computed on access: few files ever have a problem."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Mapping
from typing import Any, Final

from reconciler.core.specs.document import Path, as_text

BREAK: Final = re.compile(r"\r\n?|\n")


class Lines:
    """Line and column, from 1, of a character of a text in UTF-8, given by its index."""

    __slots__ = ("_data", "_starts")

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._starts: tuple[int, ...] = ()

    def at(self, index: int) -> tuple[int, int]:
        """The text is split into lines by the first call."""
        if not self._starts:
            self._starts = (0, *(found.end() for found in BREAK.finditer(self._data.decode())))
        line = bisect_right(self._starts, index)
        return line, index - self._starts[line - 1] + 1


class Spellings:
    """The source text of the scalars that are not written as they read as text, by the index that marks their place.

    `anchored` is the source text of those that have an anchor.
    """

    __slots__ = ("anchored", "by_index")

    def __init__(self) -> None:
        self.by_index: dict[int, str] = {}
        self.anchored: dict[str, str] = {}

    def compare(self, event: Any, value: Any, marks: Any, key: Any) -> None:
        """Keep the text of a scalar if its value reads differently."""
        if type(value) is not str and event.value not in ("", as_text(value)):
            self.note(event, event.value, marks, key)

    def note(self, event: Any, text: str, marks: Any, key: Any) -> None:
        """Keep the text of a scalar in a list, or under a key of a mapping."""
        index = event.start_mark.index
        self.by_index[index if type(marks) is list else marks.get(key, index)] = text

    def name(self, event: Any, value: Any) -> None:
        """Keep the text of a scalar that has an anchor."""
        self.anchored.pop(event.anchor, None)
        if not isinstance(value, str | dict | list | tuple) and event.value not in ("", as_text(value)):
            self.anchored[event.anchor] = event.value


class Marks(Mapping[Path, tuple[int, int]]):
    """Line and column, from 1, by path. Kept as one number for each node: the rest would cost a fifth of a parse.

    `places` maps the id of a dict or list to the character at which each of what is in it was written, by key or
    index. What an alias repeats is the same object, so its content is found where it was written.
    """

    __slots__ = ("_lines", "_places", "_root", "_value")

    def __init__(self, value: Any, lines: Lines, *, root: int, places: dict[int, Any]) -> None:
        self._value, self._lines, self._root, self._places = value, lines, root, places

    def __getitem__(self, path: Path) -> tuple[int, int]:
        index, node = self._root, self._value
        try:
            for part in path:
                index = self._places[id(node)][part]
                node = node[part]
        except (KeyError, IndexError, TypeError):
            raise KeyError(path) from None
        return self._lines.at(index)

    def __iter__(self) -> Iterator[Path]:
        todo: list[tuple[Path, Any]] = [((), self._value)]
        while todo:
            path, node = todo.pop()
            yield path
            if type(node) is dict or type(node) is list:
                children = node.items() if type(node) is dict else enumerate(node)
                todo.extend(reversed([((*path, key), child) for key, child in children]))

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __reduce__(self) -> tuple[Any, ...]:
        return dict, (dict(self),)  # an id means nothing in another process
