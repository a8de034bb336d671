"""Workflow files, and what a ComfyUI server says about jobs, as targets of the fuzzer."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

from reconciler.core.errors import Place, Problem
from reconciler.core.workflows.graph import UnusableWorkflow, WorkflowGraph, read_graph
from reconciler.core.workflows.template import BadUse, WorkflowTemplate, template_of
from reconciler.providers.comfyui.answers import (
    JobFailed,
    JobFinished,
    ServerImage,
    history_state,
    is_paid,
    job_state,
    pack_of,
    queue_state,
    server_image,
    versions_in,
    workflow_refusal,
)
from reconciler.providers.comfyui.filled import runnable_template

_TITLES = {"1": "Save", "2": "Sampler"}


def workflow_texts(data: bytes) -> Iterator[str]:
    """Each problem of a workflow, as a person sees it. A workflow without one has a digest, and is its own template."""
    found = read_graph(data)
    if isinstance(found, UnusableWorkflow):
        yield str(Problem(Place("specs/a.yaml"), "workflow", found.fact, found.hint))
        return
    for fill, take_from in _uses(found):
        made = template_of(found, fill, take_from)
        if isinstance(made, WorkflowTemplate):
            yield _kept(made)
            continue
        for wrong in made:
            yield str(_shown(wrong))


def _uses(graph: WorkflowGraph) -> Iterator[tuple[dict[str, str], str]]:
    nodes = list(graph.nodes.values())[:3]
    yield {}, ""
    yield {f"{node.title}.{name}": "seed" for node in nodes for name in list(node.inputs)[:3]}, ""
    for node in nodes:
        yield {"Positive.text": "prompt"}, node.title


def _shown(wrong: BadUse) -> Problem:
    problem = Problem(Place("specs/a.yaml"), f"{wrong.field}.{wrong.key}", wrong.fact, wrong.hint)
    return Problem(problem.place, problem.field, problem.fact, "", wrong.name, wrong.names).suggested()


def _kept(made: WorkflowTemplate) -> str:
    """The digest of a template, whose own nodes lead to the image of the same digest."""
    template = runnable_template(made.text)
    again = read_graph(json.dumps(template.nodes).encode())
    assert isinstance(again, WorkflowGraph)
    assert template.output in again.nodes
    return made.digest


def job_texts(data: bytes) -> Iterator[str]:
    """Every text of an answer about a job that may be shown."""
    try:
        body = json.loads(data)
    except (ValueError, RecursionError):
        return
    readers: tuple[Callable[[], object], ...] = (
        lambda: job_state(body, _TITLES),
        lambda: history_state(body, "x", _TITLES),
        lambda: queue_state(body, "x"),
    )
    for read in readers:
        match read():
            case JobFailed(message=message):
                yield message
            case JobFinished(outputs=outputs):
                image = server_image(outputs, "1")
                yield image.kind if isinstance(image, ServerImage) else image
    yield workflow_refusal(body, _TITLES)
    yield pack_of(body)
    yield " ".join(versions_in(body).values())
    is_paid(body)
