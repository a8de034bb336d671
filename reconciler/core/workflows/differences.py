"""The differences of two templates in the words of their author: titles of nodes and names of inputs."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

from reconciler.core.digest import Json, canonical
from reconciler.core.value import value
from reconciler.core.workflows.graph import link_of

_Nodes = Mapping[str, Mapping[str, Json]]
"""The inputs of nodes by title; `""` is the class of a node."""
CLASS = ""


@value
class NodeChange:
    """One input of a node before and after; None is absent. `input` is CLASS where the node itself differs."""

    node: str
    input: str
    before: Json
    after: Json


def node_changes(before: str, after: str) -> tuple[NodeChange, ...]:
    """The changes between two templates, by title. A link is shown as the title of the node that it leads to."""
    old, new = _by_title(before), _by_title(after)
    return tuple(_changes(old, new))


def _changes(old: _Nodes, new: _Nodes) -> Iterator[NodeChange]:
    for title in sorted({*old, *new}):
        was, is_ = old.get(title, {}), new.get(title, {})
        names = sorted({*was, *is_}) if was and is_ else (CLASS,)
        for name in names:
            if canonical(was.get(name)) != canonical(is_.get(name)):
                yield NodeChange(title, name, was.get(name), is_.get(name))


def _by_title(template: str) -> _Nodes:
    """The nodes of a template. Further nodes of one title have a number behind it."""
    read: dict[str, Any] = json.loads(template)
    titles, marks = read["titles"], {(node, name): source for node, name, source in read["fill"]}
    found: dict[str, dict[str, Json]] = {}
    seen: dict[str, int] = defaultdict(int)
    for number, node in sorted(read["nodes"].items(), key=lambda item: int(item[0])):
        title = titles[number]
        seen[title] += 1
        name = title if seen[title] == 1 else f"{title} ({seen[title]})"
        inputs = {key: _shown(given, marks.get((number, key)), titles) for key, given in node["inputs"].items()}
        found[name] = {CLASS: node["class_type"], **inputs}
    return found


def _shown(given: Json, mark: str | None, titles: Mapping[str, str]) -> Json:
    if mark is not None:
        return f"filled with {mark}"
    link = link_of(given)
    return given if link is None else f"node {titles[link[0]]}"
