"""Make a template of a workflow: the nodes that lead to one output, with marks where a recipe fills them in.

The digest of a template is a Merkle hash from its output node backwards. It has the classes of the nodes, their values,
links and marks. It has no node ids, titles, positions, and no node that does not lead to the output: a workflow that is
exported again after it was only rearranged keeps its digest.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import cast

from reconciler.core.digest import Json, canonical, plain
from reconciler.core.value import value
from reconciler.core.workflows.graph import UnusableWorkflow, WorkflowGraph, link_of

DIGEST_PREFIX = "w1:"
_DOMAIN = b"reconciler workflow w1\n"
_SEED = re.compile(r"(?:.*_)?(?:noise_)?seed")
_OUTPUT = "SaveImage"
"""The class of the node that saves an image, if no other one is named."""
_NAME = "filename_prefix"
"""The input of an output node that names the file on the server, and does not change the image."""
SEED = "seed"
PARAMS = "params."


@value
class WorkflowTemplate:
    """`digest` is the part of the recipe. `text` is JSON for the provider: the `nodes` that lead to the `output`, with
    null in the inputs to fill; `fill`, a list of node, input and field of the recipe; and the `titles` of the nodes.
    Nodes are numbered from the output backwards, so that the server puts the same metadata into every image."""

    digest: str
    text: str


@value
class BadUse:
    """Why a workflow cannot be used as a spec says. `field` is the field of the spec, `key` a key of `fill`; `name` is
    none of `names`, if that is the problem."""

    field: str
    fact: str
    hint: str = ""
    key: str = ""
    name: str = ""
    names: tuple[str, ...] = ()


class Workflow:
    """A workflow, from which templates are made."""

    def __init__(self, graph: WorkflowGraph) -> None:
        self.graph = graph
        self._visited = 0
        self._titled: dict[str, list[str]] = defaultdict(list)
        for name, node in graph.nodes.items():
            self._titled[node.title].append(name)

    def template(self, fill: Mapping[str, str], take_from: str) -> WorkflowTemplate | tuple[BadUse, ...]:
        """The template for these marks (`title.input` to the field that fills it in), or every problem with them."""
        output = self._output(take_from)
        if isinstance(output, BadUse):
            return (output,)
        problems: list[BadUse] = []
        named = {target: self._named(target) for target in fill}
        problems += [each for each in named.values() if isinstance(each, BadUse)]
        if problems:
            return tuple(problems)
        found = {target: cast("tuple[list[str], str]", each) for target, each in named.items()}
        marks = {(node, name): fill[target] for target, (nodes, name) in found.items() for node in nodes}
        order = self._order(output, marks)
        if isinstance(order, BadUse):
            return (order,)
        reached = frozenset(order)
        for target, (nodes, _) in found.items():
            wrong = self._bad_target(target, [node for node in nodes if node in reached])
            problems += [wrong] if wrong is not None else []
        problems += self._unfilled_seeds(order, marks)
        if problems:
            return tuple(problems)
        return WorkflowTemplate(self._digest(order, marks), self._text(order, marks))

    def looked_at(self) -> int:
        """How many nodes were looked at since this was last asked."""
        visited, self._visited = self._visited, 0
        return visited

    def _output(self, take_from: str) -> str | BadUse:
        """The node whose image is taken."""
        if take_from:
            found = self._titled.get(take_from, [])
            if not found:
                fact, names = f'no node has the title "{take_from}"', tuple(self._titled)
                return BadUse("take_from", fact, name=take_from, names=names)
            if len(found) > 1:
                return BadUse("take_from", f'{len(found)} nodes have the title "{take_from}"', _RENAME)
            return found[0]
        saving = [name for name, node in self.graph.nodes.items() if node.kind == _OUTPUT]
        if len(saving) == 1:
            return saving[0]
        fact = f"has {len(saving)} nodes that save an image ({_OUTPUT})" if saving else f"has no node {_OUTPUT}"
        return BadUse("workflow", fact, "write take_from: and the title of the node whose image is wanted")

    def _named(self, target: str) -> tuple[list[str], str] | BadUse:
        """The nodes that a target names, and their input. Titles and inputs may have dots."""
        splits = [(target[:at], target[at + 1 :]) for at, char in enumerate(target) if char == "."]
        if not splits:
            hint = "write the title of a node, a dot and the name of its input"
            return BadUse("fill", "names no input", hint, target)
        known = [(title, name) for title, name in reversed(splits) if title in self._titled]
        if not known:
            title = splits[-1][0]
            return BadUse("fill", f'no node has the title "{title}"', "", target, title, tuple(self._titled))
        for title, name in known:
            nodes = [node for node in self._titled[title] if name in self.graph.nodes[node].inputs]
            if nodes:
                return nodes, name
        title, name = known[0]
        inputs = tuple({name: None for node in self._titled[title] for name in self.graph.nodes[node].inputs})
        return BadUse("fill", f'the node "{title}" has no input "{name}"', "", target, name, inputs)

    def _bad_target(self, target: str, reached: list[str]) -> BadUse | None:
        if len(reached) == 1:
            return None
        if not reached:
            hint = "fill a node whose result the image depends on"
            return BadUse("fill", "is an input of a node that does not lead to the image", hint, target)
        return BadUse("fill", f"is an input of {len(reached)} nodes with one title", _RENAME, target)

    def _order(self, output: str, marks: Mapping[tuple[str, str], str]) -> list[str] | BadUse:
        """The nodes that lead to the output, each after those that it needs."""
        order: list[str] = []
        done: set[str] = set()
        under_way: set[str] = set()
        stack: list[tuple[str, bool]] = [(output, True)]
        while stack:
            name, entering = stack.pop()
            if not entering:
                under_way.discard(name)
                done.add(name)
                order.append(name)
                continue
            if name in done:
                continue
            if name in under_way:
                fact = f'is not a workflow that ends: the node "{self.graph.nodes[name].title}" needs its own result'
                return BadUse("workflow", fact, "remove one of the links of the cycle")
            self._visited += 1
            under_way.add(name)
            stack.append((name, False))
            for source in self._sources(name, marks):
                if source not in self.graph.nodes:
                    fact = f'the node "{self.graph.nodes[name].title}" is linked to node {source}, which is not there'
                    return BadUse("workflow", fact, "export the workflow again")
                if source not in done:
                    stack.append((source, True))
        return order

    def _sources(self, name: str, marks: Mapping[tuple[str, str], str]) -> Iterator[str]:
        for input_, given in sorted(self.graph.nodes[name].inputs.items()):
            link = None if (name, input_) in marks else link_of(given)
            if link is not None:
                yield link[0]

    def _unfilled_seeds(self, order: list[str], marks: Mapping[tuple[str, str], str]) -> Iterator[BadUse]:
        """Seeds that stay as they are in the file: the same for every image, since only the editor changes them."""
        seeded: set[str] = set()
        for name in order:
            node = self.graph.nodes[name]
            own = any(_is_seed(marks.get((name, input_), "")) for input_ in node.inputs)
            if own or any(source in seeded for source in self._sources(name, marks)):
                seeded.add(name)
            for input_, given in node.inputs.items():
                if _SEED.fullmatch(input_) is None or (name, input_) in marks:
                    continue
                link = link_of(given)
                if link is None or link[0] not in seeded:
                    yield BadUse(
                        "workflow",
                        f'every image would have the seed of the file: "{node.title}.{input_}" is not filled',
                        f'write "{node.title}.{input_}: {SEED}" under fill:, or params.{SEED} for one of your own',
                    )

    def _digest(self, order: list[str], marks: Mapping[tuple[str, str], str]) -> str:
        digests: dict[str, str] = {}
        for name in order:
            node = self.graph.nodes[name]
            inputs = {
                key: _hashed(given, marks.get((name, key)), digests)
                for key, given in node.inputs.items()
                if key != _NAME or name != order[-1]
            }
            digests[name] = hashlib.sha256(_DOMAIN + canonical([node.kind, inputs])).hexdigest()
        return DIGEST_PREFIX + digests[order[-1]]

    def _text(self, order: list[str], marks: Mapping[tuple[str, str], str]) -> str:
        numbers = {name: str(number) for number, name in enumerate(reversed(order), 1)}
        nodes: dict[str, Json] = {}
        fill: list[Json] = []
        for name in reversed(order):
            node = self.graph.nodes[name]
            inputs: dict[str, Json] = {}
            for key, given in sorted(node.inputs.items()):
                link, mark = link_of(given), marks.get((name, key))
                if mark is not None:
                    fill.append([numbers[name], key, mark])
                inputs[key] = None if mark is not None else [numbers[link[0]], link[1]] if link else given
            nodes[numbers[name]] = {"class_type": node.kind, "inputs": inputs}
        titles = {numbers[name]: self.graph.nodes[name].title for name in order}
        return json.dumps({"fill": fill, "nodes": nodes, "output": "1", "titles": titles}, separators=(",", ":"))


_RENAME = "give one of them another title in ComfyUI, and export the workflow again"


def _is_seed(source: str) -> bool:
    """Whether a field of the recipe can be another number for every image."""
    return source == SEED or source.startswith(PARAMS)


def _hashed(given: Json, mark: str | None, digests: Mapping[str, str]) -> Json:
    """An input as the digest has it: the field that fills it in, a link to a result, or a value."""
    if mark is not None:
        return {"fill": mark}
    link = link_of(given)
    return {"link": [digests[link[0]], link[1]]} if link is not None else {"value": plain(given)}


def template_of(
    read: WorkflowGraph | UnusableWorkflow, fill: Mapping[str, str], take_from: str = ""
) -> WorkflowTemplate | tuple[BadUse, ...]:
    """The template of one workflow."""
    if isinstance(read, UnusableWorkflow):
        return (BadUse("workflow", read.fact, read.hint),)
    return Workflow(read).template(fill, take_from)
