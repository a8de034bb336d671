"""Where each value of a YAML file was written, worked out only when somebody asks: few files ever have a problem."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from reconciler.core.document import Path


class Marks(Mapping[Path, tuple[int, int]]):
    """Line and column, from 1, by path. Paths and numbers for every node would cost a fifth of reading the file.

    `places` maps the id of a dict or list to the parser's marks of what is in it, by key or index. What an alias
    repeats is the same object, so its content is found where it was written.
    """

    __slots__ = ("_places", "_root", "_value")

    def __init__(self, value: Any, root: Any, places: dict[int, Any]) -> None:
        self._value, self._root, self._places = value, root, places

    def __getitem__(self, path: Path) -> tuple[int, int]:
        mark = self._root
        node = self._value
        try:
            for part in path:
                mark = self._places[id(node)][part]
                node = node[part]
        except (KeyError, IndexError, TypeError):
            raise KeyError(path) from None
        return mark.line + 1, mark.column + 1

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
