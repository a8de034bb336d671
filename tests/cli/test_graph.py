"""`graph`: references between images as Mermaid, as a digraph and as JSON."""

from __future__ import annotations

import re

from reconciler.core.digest import AssetId
from reconciler.core.plan.actions import Keep
from reconciler.core.plan.plan import AssetStep
from reconciler.report.graph import GraphFacts, graph_dot, graph_mermaid
from tests.builders import a_spec
from tests.cli.conftest import Scratch, picture


def test_the_graph_in_each_format(project: Scratch) -> None:
    project.write("refs/sea.png", picture())
    project.write("specs/pair.yaml", "prompt: Two of image 1\nreferences: [{asset: mascot}, refs/sea.png]\n")
    assert project.done("graph", "--format", "mermaid").out.splitlines() == [
        "flowchart LR",
        '  a0["hero"]',
        '  a1["mascot"]',
        '  a2["pair: references changed #91;free#93;"]',
        '  f0>"refs/sea.png"]',
        "  a1 --> a2",
        "  f0 --> a2",
    ]
    dot = project.done("graph", "--format", "dot").out
    assert '"mascot" -> "pair";' in dot and '"refs/sea.png" -> "pair";' in dot
    assert project.done("graph", "--format", "json", "--changed").json == {
        "graph": 1,
        "assets": [
            {"asset": "mascot", "output": "assets/mascot.png", "state": "up to date", "price": ""},
            {"asset": "pair", "output": "assets/pair.png", "state": "references changed", "price": "free"},
        ],
        "references": [{"from": "mascot", "to": "pair"}],
        "files": [{"file": "refs/sea.png", "to": "pair"}],
    }


def test_names_cannot_break_out_of_a_label() -> None:
    names = ('a"]-->b', "c;<b>\n", "#quot;", "\\")
    steps = [AssetStep(AssetId(name), Keep(), a_spec(name)) for name in names]
    mermaid = graph_mermaid(GraphFacts(steps, (('x"', names[0]),))).out
    assert all(re.fullmatch(r'  [af]\d[>\[]"[\w /,.:#;-]*"\]', line) for line in mermaid[1:-1])
    assert '  "a\\"]-->b" [label="a\\"]-->b"];' in graph_dot(GraphFacts(steps)).out
