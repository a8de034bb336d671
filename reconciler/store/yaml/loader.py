"""Read YAML 1.2 (core schema) with the place of every node: any bytes give a Document or one problem.

PyYAML gives the *events* only. Its composer recurses (50,000 brackets end the process by SIGSEGV) and its constructors
speak YAML 1.1 (`16:9` is 969), so the tree is built here, in a loop that never recurses on what it reads.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

from yaml import YAMLError
from yaml.events import (
    AliasEvent,
    DocumentEndEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    StreamEndEvent,
)

from reconciler.core.digest import Json
from reconciler.core.errors import InvalidInput
from reconciler.core.specs.document import Document, Path, field_name
from reconciler.store.yaml import source
from reconciler.store.yaml.marks import Lines, Marks, Spellings

MAX_DEPTH: Final = 32
MAX_ALIASES: Final = 64
MAX_NODES: Final = 100_000
"""Values; an aliased value counts each time."""
MAX_NUMBER: Final = 100

Node: TypeAlias = Any
"""A value under construction: str, int, float, bool, None, list, dict."""

_MERGE: Final = ("<<",)
"""The key of a merge until its mapping ends; no string, so that a quoted "<<" is a key like any other."""
_WORDS: Final[Mapping[str, Node]] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    "<<": "<<",
}
_NUMBER: Final = re.compile(
    r"(?P<int>[-+]?[0-9]+)"
    r"|(?P<prefixed>0o[0-7]+|0x[0-9a-fA-F]+)"
    r"|(?P<float>[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?)"
    r"|(?P<endless>[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))"
)
_NUMERIC: Final = frozenset("+-.0123456789")
_STARTS: Final = _NUMERIC.union(word[:1] for word in _WORDS)
"""The first characters of plain scalars that may not be strings: one comparison decides most scalars."""

_QUOTE: Final = "quote it"
_TOO_DEEP: Final = f"more than {MAX_DEPTH} levels of nesting"
_TOO_MANY: Final = f"more than {MAX_NODES} values, counting what aliases repeat"


def parse(data: bytes, *, file: str, parser: source.Start = source.PARSERS[0]) -> Document:
    """The one document in `data`; raises InvalidInput with exactly one problem. `file` names it in messages."""
    data = data.removeprefix(source.BYTE_ORDER_MARK)  # Windows editors write it
    source.check_source(data, file)
    tree = _Tree(file, data)
    try:
        value, marks = tree.document(parser(data))
    except (YAMLError, UnicodeDecodeError) as error:
        raise source.syntax_problem(error, data, file) from error
    return Document(file, value, marks, {tree.lines.at(index): text for index, text in tree.spelled.by_index.items()})


class _Tree:
    """One document under construction from events."""

    __slots__ = ("aliases", "anchors", "decorated", "file", "lines", "nodes", "places", "spelled", "stack")

    def __init__(self, file: str, data: bytes) -> None:
        self.file = file
        self.lines = Lines(data)
        self.decorated = b"&" in data or b"!" in data  # there may be anchors or tags
        self.anchors: dict[str, Node] = {}
        self.aliases = 0
        self.nodes = 1
        self.places: dict[int, Any] = {}
        self.spelled = Spellings()
        self.stack: list[tuple[Node, Any, Any]] = []

    def document(self, parser: source.EventParser) -> tuple[Json, Mapping[Path, tuple[int, int]]]:
        """The value of the only document, None if there is none, and its marks."""
        next_event: Callable[[], Any] = parser.get_event
        next_event()
        start = next_event()
        if type(start) is StreamEndEvent:
            return None, {(): (1, 1)}
        first: Any = parser.peek_event()
        value = self._grow(next_event)
        if type(after := next_event()) is DocumentStartEvent:
            raise self._bad(after, "a second document starts here", "write one file for each")
        root = start if value is None else first
        return value, Marks(value, self.lines, root=root.start_mark.index, places=self.places)

    def _grow(self, next_event: Callable[[], Any]) -> Node:
        """The tree of one document. One long loop over locals: this is where a cold check spends its time."""
        words, starts, decorated, stack = _WORDS, _STARTS, self.decorated, self.stack
        root: dict[str, Node] = {}
        here: Node = root
        append: Any = None  # a mapping has none
        marks: Any = {}
        key: Any = ""  # the key whose value comes next
        for event in iter(next_event, None):
            kind = type(event)
            if kind is ScalarEvent:
                value = event.value
                if value[:1] in starts and not event.style and (value in words or value[0] in _NUMERIC):
                    value = self._scalar(event, marks, key)
                if append is not None:
                    append(value)
                    marks.append(event.start_mark.index)
                elif key is not None:
                    here[key] = value
                    key = None
                else:
                    if value in marks:
                        raise self._duplicate(event, value, marks)
                    marks[value] = event.start_mark.index
                    key = value
                if decorated:
                    self._name(event, value)
            elif kind is MappingEndEvent or kind is SequenceEndEvent:
                if kind is MappingEndEvent and _MERGE in here:
                    self._merge(here, marks)
                self.nodes += len(here)
                if self.nodes > MAX_NODES:
                    raise self._too_many(marks)
                here, append, marks = stack.pop()
                key = None
            elif kind is DocumentEndEvent:
                break
            elif append is key is None:
                raise self._bad(event, "a key must be a string", _QUOTE)
            else:
                alias = kind is AliasEvent
                value = self._alias(event, here, marks, key) if alias else {} if kind is MappingStartEvent else []
                if append is not None:
                    append(value)
                    marks.append(event.start_mark.index)
                else:
                    here[key] = value
                    key = None
                if not alias:
                    stack.append((here, append, marks))
                    here, append, marks = self._open(event, value)
        return root[""]

    def _open(self, event: Any, value: Node) -> tuple[Node, Any, Any]:
        """A new mapping or list, how to append to it, and where its marks go."""
        if len(self.stack) > MAX_DEPTH:
            raise self._bad(event, _TOO_DEEP)
        if self.decorated:
            self._name(event, value)
        marks = self.places[id(value)] = type(value)()
        return value, getattr(value, "append", None), marks

    def _name(self, event: Any, value: Node) -> None:
        """Refuse a tag, record an anchor. A lone ! before quotes has no effect."""
        if event.tag is not None and not (event.tag == "!" and getattr(event, "style", None)):
            raise self._bad(event, "tags are not supported", "quote a text that starts with !")
        if event.anchor is not None:
            self.anchors[event.anchor] = "<<" if value is _MERGE else value
            self.spelled.name(event, value)

    def _scalar(self, event: Any, marks: Any, key: Any) -> Node:
        """A plain scalar: the next key of a mapping, or a value."""
        if key is None and type(marks) is dict:
            return self._plain_key(event)
        value = self._plain(event)
        self.spelled.compare(event, value, marks, key)
        return value

    def _plain(self, event: Any) -> Node:
        """The value of a plain scalar in the core schema of YAML 1.2."""
        text = event.value
        if text in _WORDS:
            return _WORDS[text]
        match = _NUMBER.fullmatch(text)
        if match is None:
            return text
        if len(text) > MAX_NUMBER:
            fact = f"a number of {len(text)} characters, {MAX_NUMBER} is the limit"
            raise self._bad(event, fact, _QUOTE)
        if match.lastgroup == "int":
            return int(text)
        if match.lastgroup == "prefixed":
            return int(text, 0)
        if match.lastgroup == "endless" or math.isinf(number := float(text)):
            raise self._bad(event, f"no field takes the number {text}", _QUOTE)
        return number

    def _plain_key(self, event: Any) -> Node:
        value = self._plain(event)
        if type(value) is not str:
            raise self._bad(event, f"a key must be a string, {event.value or 'nothing'} is not", _QUOTE)
        return _MERGE if value == "<<" else value

    def _alias(self, event: Any, here: Node, marks: Any, key: Any) -> Node:
        """The value of an anchor: the same object again."""
        self.aliases += 1
        if self.aliases > MAX_ALIASES:
            raise self._bad(event, f"more than {MAX_ALIASES} aliases", "write the values out")
        if event.anchor not in self.anchors:
            fact = f"no anchor &{event.anchor} stands above this alias"
            raise self._bad(event, fact, "quote a text that starts with *")
        value = self.anchors[event.anchor]
        if event.anchor in self.spelled.anchored:
            self.spelled.note(event, self.spelled.anchored[event.anchor], marks, key)
        if any(value is container for container in (here, *(frame[0] for frame in self.stack))):
            raise self._bad(event, f"the alias *{event.anchor} stands inside what it names")
        self._count(event, value)
        return value

    def _count(self, event: Any, value: Node) -> None:
        """Check a repeated value, level by level, against the limits as if it were written here."""
        level, depth = [value], len(self.stack)
        while containers := [node for node in level if type(node) is dict or type(node) is list]:
            depth += 1
            self.nodes += sum(map(len, containers))
            if depth > MAX_DEPTH:
                raise self._bad(event, _TOO_DEEP)
            if self.nodes > MAX_NODES:
                raise self._bad(event, _TOO_MANY)
            level = [child for node in containers for child in (node.values() if type(node) is dict else node)]

    def _merge(self, here: Node, marks: dict[Any, Any]) -> None:
        """Merge the mappings of `<<` under the written keys; the first mapping wins. The mark of `<<` stays."""
        source = here.pop(_MERGE)
        places = self.places[id(source)] if type(source) is list else [marks[_MERGE]]
        for mapping, place in zip(source if type(source) is list else [source], places, strict=True):
            if type(mapping) is not dict:
                raise self._bad_at(place, "<< takes a mapping or a list of them", 'write "<<" for a key of this name')
            found = self.places[id(mapping)]
            if _MERGE in found:
                raise self._bad_at(place, "<< names a mapping that has a << itself", "name both here, in a list")
            new = [key for key in mapping if key not in here]
            here.update((key, mapping[key]) for key in new)
            marks.update((key, found[key]) for key in new)

    def _duplicate(self, event: Any, key: Any, marks: dict[Any, Any]) -> InvalidInput:
        containers = [frame[0] for frame in self.stack[1:]]
        keys = [len(node) - 1 if type(node) is list else next(reversed(node)) for node in containers]
        path = tuple("<<" if part is _MERGE else part for part in (*keys, key))
        fact = f"duplicate key, the first is on line {self.lines.at(marks[key])[0]}"
        return self._bad(event, fact, field=field_name(path))

    def _too_many(self, marks: Any) -> InvalidInput:
        places = marks if type(marks) is list else list(marks.values())
        return self._bad_at(places[MAX_NODES - self.nodes], _TOO_MANY)  # from the end: the first that is one too many

    def _bad(self, event: Any, fact: str, hint: str = "", *, field: str = "") -> InvalidInput:
        return self._bad_at(event.start_mark.index, fact, hint, field=field)

    def _bad_at(self, index: int, fact: str, hint: str = "", *, field: str = "") -> InvalidInput:
        return source.bad(self.file, self.lines.at(index), fact, hint, field=field)
