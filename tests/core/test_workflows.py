"""The digest of a workflow: what leads to the image, and nothing else; and the problems of a workflow."""

from __future__ import annotations

import copy
import json
import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.core.workflows.graph import (
    MAX_WORKFLOW,
    MAX_WORKFLOW_NODES,
    UnusableWorkflow,
    WorkflowGraph,
    link_of,
    read_graph,
)
from reconciler.core.workflows.template import BadUse, WorkflowTemplate, template_of
from reconciler.testing.comfyui import FILL, a_workflow

Nodes = dict[str, Any]


def template(nodes: Nodes, fill: dict[str, str] | None = None, take_from: str = "") -> WorkflowTemplate:
    made = template_of(read_graph(json.dumps(nodes).encode()), FILL if fill is None else fill, take_from)
    assert isinstance(made, WorkflowTemplate), made
    return made


def problems(nodes: Nodes, fill: dict[str, str] | None = None, take_from: str = "") -> tuple[BadUse, ...]:
    made = template_of(read_graph(json.dumps(nodes).encode()), FILL if fill is None else fill, take_from)
    assert isinstance(made, tuple)
    return made


def renumbered(nodes: Nodes, chance: random.Random) -> Nodes:
    """The same workflow as another export has it: other ids, another order of nodes and of inputs."""
    numbers = [str(number) for number in chance.sample(range(1, 10_000), len(nodes))]
    names = dict(zip(nodes, numbers, strict=True))
    found = {}
    for name, node in chance.sample([*nodes.items()], len(nodes)):
        inputs = {}
        for key, given_ in chance.sample([*node["inputs"].items()], len(node["inputs"])):
            link = link_of(given_)
            inputs[key] = [names[link[0]], link[1]] if link else given_
        found[names[name]] = {**node, "inputs": inputs}
    return found


def with_preview(nodes: Nodes, chance: random.Random) -> Nodes:
    """A node that does not lead to the image, of which one input is a seed."""
    name = chance.choice([*nodes])
    added = {"class_type": "PreviewImage", "inputs": {"images": [name, 0], "seed": 7}, "_meta": {"title": "Look"}}
    return {**nodes, "0": added}


def retitled(nodes: Nodes) -> Nodes:
    """Other titles where none is named in FILL; positions, as some exports have them."""
    named = {target.partition(".")[0] for target in FILL}
    return {
        name: {**node, "_meta": {"title": f"{node['_meta']['title']} (new)"}, "pos": [1, 2], "is_changed": "x"}
        if node["_meta"]["title"] not in named
        else node
        for name, node in nodes.items()
    }


def test_an_export_that_was_only_rearranged_is_the_same() -> None:
    before, chance = template(a_workflow()), random.Random(18)
    for _ in range(200):
        again = renumbered(a_workflow(), chance)
        assert template(again) == before, "also the text that the server gets, and puts into the image"
        assert template(renumbered(with_preview(retitled(again), chance), chance)).digest == before.digest


@st.composite
def graphs(draw: st.DrawFn) -> Nodes:
    """Any workflow: each node may be linked to those before it."""
    nodes: Nodes = {}
    for number in range(draw(st.integers(1, 12))):
        values = st.one_of(st.integers(), st.text(max_size=5), st.booleans(), st.lists(st.integers(), max_size=1))
        inputs: Nodes = draw(st.dictionaries(st.sampled_from("abcdef"), values, max_size=3))
        for key in draw(st.lists(st.sampled_from("uvwxyz"), max_size=3 if nodes else 0)):
            inputs[key] = [draw(st.sampled_from([*nodes])), draw(st.integers(0, 2))]
        nodes[str(number)] = {"class_type": draw(st.sampled_from("ABC")), "inputs": inputs}
    nodes["out"] = {"class_type": "SaveImage", "inputs": {"images": [draw(st.sampled_from([*nodes])), 0]}}
    return nodes


@settings(max_examples=40)
@given(graphs(), st.integers(0, 99))
def test_any_workflow_has_one_digest_under_all_numberings(nodes: Nodes, number: int) -> None:
    chance = random.Random(number)
    assert template(renumbered(nodes, chance), {}).digest == template(nodes, {}).digest


@given(st.data())
def test_a_value_a_class_or_a_link_that_leads_to_the_image_counts(data: st.DataObject) -> None:
    nodes = a_workflow()
    node = nodes[data.draw(st.sampled_from([*nodes]))]
    before = template(nodes).digest
    free = [key for key in node["inputs"] if f"{node['_meta']['title']}.{key}" not in FILL and key != "filename_prefix"]
    what = data.draw(st.sampled_from(["class", *free]))
    if what == "class" and node["class_type"] != "SaveImage":
        node["class_type"] += "Advanced"
    elif what != "class":
        link = link_of(node["inputs"][what])
        node["inputs"][what] = [link[0], link[1] + 1] if link else f"{node['inputs'][what]} changed"
    assert (template(nodes).digest != before) == (what != "class" or node["class_type"] != "SaveImage")


def test_positive_and_negative_are_not_the_same() -> None:
    swapped = a_workflow()
    sampler = swapped["3"]["inputs"]
    sampler["positive"], sampler["negative"] = sampler["negative"], sampler["positive"]
    assert template(swapped).digest != template(a_workflow()).digest


def test_the_value_that_is_filled_in_does_not_count_and_the_field_does() -> None:
    before = template(a_workflow())
    other = a_workflow()
    other["6"]["inputs"]["text"], other["3"]["inputs"]["seed"] = "another example", 1
    other["9"]["inputs"]["filename_prefix"] = "icons/"
    assert template(other).digest == before.digest
    assert template(a_workflow(), {**FILL, "Sampler.seed": "params.seed"}).digest != before.digest
    assert template(a_workflow(), {**FILL, "Negative.text": "params.no"}).digest != before.digest


def test_a_number_counts_as_its_value() -> None:
    other = a_workflow()
    other["3"]["inputs"]["cfg"] = 8
    assert template(other).digest == template(a_workflow()).digest


def test_another_output_is_another_image() -> None:
    nodes = a_workflow()
    nodes["10"] = {"class_type": "SaveImage", "inputs": {"images": ["8", 0], "x": 1}, "_meta": {"title": "Second"}}
    assert problems(nodes)[0].field == "workflow"
    first, second = template(nodes, take_from="Save"), template(nodes, take_from="Second")
    assert first.digest == template(a_workflow()).digest != second.digest
    (wrong,) = problems(nodes, take_from="Sav")
    assert (wrong.field, wrong.name, "Save" in wrong.names) == ("take_from", "Sav", True)


@pytest.mark.parametrize("name", ["seed", "noise_seed", "variation_seed"])
def test_a_seed_that_is_not_filled_is_an_error_with_its_line(name: str) -> None:
    nodes = a_workflow()
    nodes["3"]["inputs"][name] = 5
    fill = {target: source for target, source in FILL.items() if source != "seed"}
    told = problems(nodes, fill)
    assert any(f'"Sampler.{name}" is not filled' in wrong.fact for wrong in told)
    assert any(f'write "Sampler.{name}: seed" under fill:' in wrong.hint for wrong in told)


def test_a_seed_may_be_linked_to_a_number_that_is_filled() -> None:
    nodes = a_workflow()
    nodes["20"] = {"class_type": "PrimitiveInt", "inputs": {"value": 3}, "_meta": {"title": "Number"}}
    nodes["3"]["inputs"]["seed"] = ["20", 0]
    fill = {target: source for target, source in FILL.items() if source != "seed"}
    assert "Sampler.seed" in problems(nodes, fill)[0].fact
    assert template(nodes, {**fill, "Number.value": "seed"})
    assert "Sampler.seed" in problems(nodes, {**fill, "Number.value": "width"})[0].fact


@pytest.mark.parametrize(
    ("target", "fact"),
    [
        ("Positve.text", 'no node has the title "Positve"'),
        ("Positive.txt", 'the node "Positive" has no input "txt"'),
        ("Positive", "names no input"),
        ("Look.images", "does not lead to the image"),
    ],
)
def test_a_target_that_is_none_is_named(target: str, fact: str) -> None:
    told = problems(with_preview(a_workflow(), random.Random(1)), {**FILL, target: "prompt"})
    assert [(wrong.field, wrong.key) for wrong in told] == [("fill", target)]
    assert fact in told[0].fact


def test_two_nodes_with_one_title_are_told_apart_by_what_leads_to_the_image() -> None:
    nodes = a_workflow()
    nodes["7"]["_meta"]["title"] = "Positive"
    assert "2 nodes with one title" in problems(nodes)[0].fact
    unused = a_workflow()
    unused["11"] = copy.deepcopy(unused["6"])
    assert template(unused).digest == template(a_workflow()).digest


def test_a_title_may_have_dots_and_so_may_an_input() -> None:
    nodes = a_workflow()
    nodes["6"]["_meta"]["title"] = "Prompt v1.5"
    nodes["6"]["inputs"]["part.one"] = "x"
    fill = {target: source for target, source in FILL.items() if source != "prompt"}
    assert template(nodes, {**fill, "Prompt v1.5.text": "prompt", "Prompt v1.5.part.one": "model"})


def test_a_workflow_that_does_not_end_or_leads_nowhere_is_refused() -> None:
    nodes = a_workflow()
    nodes["4"]["inputs"]["after"] = ["8", 0]
    assert "needs its own result" in problems(nodes)[0].fact
    nodes["4"]["inputs"]["after"] = ["77", 0]
    assert "linked to node 77, which is not there" in problems(nodes)[0].fact


def test_a_deep_workflow_takes_no_recursion() -> None:
    nodes: Nodes = {"0": {"class_type": "A", "inputs": {}}}
    for number in range(1, MAX_WORKFLOW_NODES - 1):
        nodes[str(number)] = {"class_type": "A", "inputs": {"x": [str(number - 1), 0], "y": [str(number - 1), 0]}}
    nodes["out"] = {"class_type": "SaveImage", "inputs": {"images": [str(number), 0]}}
    assert template(nodes, {}).digest.startswith("w1:")


NODE = '{"1": {"class_type": "A", "inputs": {"x": %s}}}'


@pytest.mark.parametrize(
    ("text", "fact"),
    [
        (b'{"nodes": [{"id": 1}], "links": [], "version": 0.4}', "the editor's own format"),
        (b"", "is not JSON"),
        (b"\xff\xfe", "it is not UTF-8"),
        (b"[]", "it is no JSON object"),
        (b"{}", "has no node"),
        (b'{"1": {"inputs": {}}}', "a node needs class_type and inputs"),
        (b'{"1": []}', "a node needs class_type and inputs"),
        ((NODE % "NaN").encode(), "a number is too long or none"),
        ((NODE % "1e999").encode(), "is not JSON"),
        ((NODE % ("9" * 5000)).encode(), "is not JSON"),
        ((NODE % ("[" * 40 + "]" * 40)).encode(), "nested too deeply"),
        ((NODE % ("[" * 100_000 + "]" * 100_000)).encode(), "nested too deeply"),
        (b" " * (MAX_WORKFLOW + 1), "is larger than 4 MiB"),
        (json.dumps({str(n): {"class_type": "A"} for n in range(100_000)}).encode(), "has more than 10,000 nodes"),
    ],
    ids=range(14),
)
def test_a_file_that_is_no_workflow_is_refused_with_a_reason(text: bytes, fact: str) -> None:
    found = read_graph(text)
    assert isinstance(found, UnusableWorkflow)
    assert fact in found.fact
    if "format" in fact or "JSON" in fact:
        assert "File > Export (API)" in found.hint


@given(st.binary(max_size=60) | st.recursive(st.none() | st.integers() | st.text(), st.lists, max_leaves=5).map(
    lambda value: json.dumps({"1": value}).encode()
))  # fmt: skip
def test_any_bytes_give_a_workflow_or_a_reason(data: bytes) -> None:
    found = read_graph(data)
    assert isinstance(found, WorkflowGraph | UnusableWorkflow)
