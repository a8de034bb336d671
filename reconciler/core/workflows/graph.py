"""Read a workflow of ComfyUI in its API format: nodes by id, with their classes, titles and inputs.

The file may come from a stranger: its size and the number of its nodes are bounded, and nothing recurses into it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from math import isfinite
from typing import Any, NoReturn

from reconciler.core.digest import Json
from reconciler.core.value import value

MAX_WORKFLOW = 4 << 20
"""Bytes of a workflow file. Large ones of real projects have a tenth of them."""
MAX_WORKFLOW_NODES = 10_000
MAX_INPUT_DEPTH = 32
"""Levels of lists and mappings in one input."""
_API = "in ComfyUI: File > Export (API)"


@value
class WorkflowNode:
    """One node. An input is a value, or a link to an output of another node."""

    kind: str
    title: str
    inputs: Mapping[str, Json]


@value
class WorkflowGraph:
    """The nodes of a workflow by id."""

    nodes: Mapping[str, WorkflowNode]


@value
class UnusableWorkflow:
    """Why a file is no workflow that can be used."""

    fact: str
    hint: str = ""


def read_graph(data: bytes) -> WorkflowGraph | UnusableWorkflow:
    """The workflow in the text of a file."""
    if len(data) > MAX_WORKFLOW:
        return UnusableWorkflow(f"is larger than {MAX_WORKFLOW >> 20} MiB", "remove images and notes from the workflow")
    try:
        found = json.loads(data.decode("utf-8-sig"), parse_constant=_no_number, parse_float=_finite)
    except RecursionError:
        return UnusableWorkflow("is nested too deeply")
    except ValueError as error:
        return UnusableWorkflow(f"is not JSON: {_why(error)}", f"export it {_API}")
    if not isinstance(found, dict):
        return UnusableWorkflow("is not a workflow: it is no JSON object", f"export it {_API}")
    if isinstance(found.get("nodes"), list) and "links" in found:
        return UnusableWorkflow("is in the editor's own format, which a server does not take", f"export it {_API}")
    if not found:
        return UnusableWorkflow("has no node")
    if len(found) > MAX_WORKFLOW_NODES:
        return UnusableWorkflow(f"has more than {MAX_WORKFLOW_NODES:,} nodes")
    nodes: dict[str, WorkflowNode] = {}
    for name, each in found.items():
        node = _node(each)
        if node is None:
            return UnusableWorkflow("is not a workflow: a node needs class_type and inputs", f"export it {_API}")
        if any(isinstance(given, dict | list) and _is_deep(given) for given in node.inputs.values()):
            return UnusableWorkflow("is nested too deeply")
        nodes[name] = node
    return WorkflowGraph(nodes)


def link_of(given: Json) -> tuple[str, int] | None:
    """The node and the number of its output that an input is linked to; None for a value."""
    if not isinstance(given, list) or len(given) != 2:
        return None
    source, output = given
    if not isinstance(source, str) or isinstance(output, bool) or not isinstance(output, int | float):
        return None
    return source, int(output)


def _node(given: Any) -> WorkflowNode | None:
    if not isinstance(given, dict):
        return None
    kind, inputs, meta = given.get("class_type"), given.get("inputs", {}), given.get("_meta")
    if not isinstance(kind, str) or not kind or not isinstance(inputs, dict):
        return None
    title = meta.get("title") if isinstance(meta, dict) else None
    return WorkflowNode(kind, title if isinstance(title, str) and title else kind, inputs)


def _is_deep(given: Json) -> bool:
    """Whether a value has too many levels. Looks at one level after the other."""
    level: list[Json] = [given]
    for _ in range(MAX_INPUT_DEPTH):
        inner = [each.values() if isinstance(each, dict) else each for each in level if isinstance(each, dict | list)]
        if not inner:
            return False
        level = [item for each in inner for item in each]
    return True


def _finite(digits: str) -> float:
    number = float(digits)
    return number if isfinite(number) else _no_number(digits[:20])


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number")


def _why(error: ValueError) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg.lower()}, line {error.lineno}"
    return "it is not UTF-8" if isinstance(error, UnicodeDecodeError) else "a number is too long or none"
