"""The graph of references between assets: for Mermaid, Graphviz and programs. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from reconciler.core.plan import actions as do
from reconciler.core.plan.plan import AssetStep
from reconciler.core.text import printable
from reconciler.core.value import value
from reconciler.report.formats import Printed, document
from reconciler.report.plan_text import reason_text, sum_text


@value
class GraphFacts:
    """The assets to show, in working order, with the files that they refer to."""

    steps: Sequence[AssetStep]
    files: tuple[tuple[str, str], ...] = ()


def graph_mermaid(facts: GraphFacts) -> Printed:
    """A flowchart. The state of an asset is in its label: colour is not needed to read it."""
    names: dict[str, str] = {step.asset: f"a{number}" for number, step in enumerate(facts.steps)}
    files = {path: f"f{number}" for number, path in enumerate(dict.fromkeys(path for path, _ in facts.files))}
    return Printed(
        (
            "flowchart LR",
            *(f"  {names[step.asset]}[{_mermaid(_label(step))}]" for step in facts.steps),
            *(f"  {name}>{_mermaid(path)}]" for path, name in files.items()),
            *(f"  {names[up]} --> {names[asset]}" for up, asset in _edges(facts)),
            *(f"  {files[path]} --> {names[asset]}" for path, asset in facts.files),
        )
    )


def graph_dot(facts: GraphFacts) -> Printed:
    """A digraph for Graphviz."""
    return Printed(
        (
            "digraph assets {",
            "  rankdir=LR;",
            "  node [shape=box];",
            *(f"  {_quoted(step.asset)} [label={_quoted(_label(step))}];" for step in facts.steps),
            *(f"  {_quoted(up)} -> {_quoted(asset)};" for up, asset in _edges(facts)),
            *(f"  {_quoted(path)} -> {_quoted(asset)};" for path, asset in facts.files),
            "}",
        )
    )


def graph_json(facts: GraphFacts) -> Printed:
    """Nodes and edges."""
    nodes = [
        {
            "asset": step.asset,
            "output": step.output,
            "state": reason_text(step.action.reason),
            "price": sum_text([step], {}),
        }
        for step in facts.steps
    ]
    edges = [{"from": up, "to": asset} for up, asset in _edges(facts)]
    files = [{"file": path, "to": asset} for path, asset in facts.files]
    return document({"graph": 1, "assets": nodes, "references": edges, "files": files})


def _edges(facts: GraphFacts) -> list[tuple[str, str]]:
    shown = {step.asset for step in facts.steps}
    return [(up, step.asset) for step in facts.steps for up in step.spec.upstreams() if up in shown]


def _label(step: AssetStep) -> str:
    state = "" if isinstance(step.action, do.Keep) else f": {reason_text(step.action.reason)}"
    price = sum_text([step], {})
    return f"{step.asset}{state}{f' [{price}]' if price else ''}"


def _mermaid(text: str) -> str:
    """Text in quotes, with the characters that Mermaid reads as entities."""
    plain = printable(text)
    return '"' + "".join(char if char.isalnum() or char in " -_/.,:" else f"#{ord(char)};" for char in plain) + '"'


def _quoted(text: str) -> str:
    return '"' + printable(text).replace("\\", "\\\\").replace('"', '\\"') + '"'
