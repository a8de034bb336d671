"""Make the templates of all workflows of a project, each once, and put their digests into the recipes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from reconciler.core.digest import AssetId
from reconciler.core.errors import Problem, unknown_name
from reconciler.core.specs.spec import Spec, WorkflowUse
from reconciler.core.value import replace, value
from reconciler.core.workflows.graph import UnusableWorkflow, WorkflowGraph
from reconciler.core.workflows.template import BadUse, Workflow, WorkflowTemplate

WORKFLOW_ROOM = 8 << 20
"""Characters of all templates of a project together. A node that is looked at counts for `_PER_NODE`, which takes the
time of so many, and so does a character of `fill`."""
_PER_NODE, _PER_TARGET = 160, 16

ReadWorkflow = Callable[[str], WorkflowGraph | UnusableWorkflow]
"""The workflow in the file of a path."""


@value
class FilledSpecs:
    """The specs with the digests of their workflows, and the problems of those that have none."""

    specs: Mapping[AssetId, Spec]
    problems: tuple[Problem, ...] = ()


def with_workflows(specs: Mapping[AssetId, Spec], read: ReadWorkflow) -> FilledSpecs:
    """Read each file once, and keep it while it is used."""
    by_path: dict[str, dict[WorkflowUse, list[Spec]]] = {}
    for spec in specs.values():
        if spec.workflow is not None:
            by_path.setdefault(spec.workflow.path, {}).setdefault(spec.workflow, []).append(spec)
    filled = dict(specs)
    problems: list[Problem] = []
    room = WORKFLOW_ROOM
    for path, uses in by_path.items():
        graph = read(path)
        if isinstance(graph, UnusableWorkflow):
            first = next(iter(uses.values()))[0]
            problems.append(_problem_at(first, "workflow", f"{path} {graph.fact}", graph.hint))
            continue
        workflow = Workflow(graph)
        for use, users in uses.items():
            made = workflow.template(dict(use.fill), use.take_from)
            room -= _PER_NODE * workflow.looked_at() + _PER_TARGET * sum(len(target) + 1 for target, _ in use.fill)
            if isinstance(made, WorkflowTemplate):
                room -= len(made.text)
                filled.update(_with_template(users, use, made))
            else:
                problems += [_problem_of(users[0], path, wrong) for wrong in made]
            if room < 0:
                fact = "the workflows of the project, with all the ways in which they are filled, are too large"
                problems.append(_problem_at(users[0], "workflow", fact, "use fewer of them, or smaller ones"))
                return FilledSpecs(filled, tuple(problems))
    return FilledSpecs(filled, tuple(problems))


def _with_template(users: Iterable[Spec], use: WorkflowUse, made: WorkflowTemplate) -> dict[AssetId, Spec]:
    known = replace(use, template=made.text)
    return {
        spec.id: replace(spec, base_recipe=replace(spec.base_recipe, workflow=made.digest), workflow=known)
        for spec in users
    }


def _problem_of(spec: Spec, path: str, wrong: BadUse) -> Problem:
    fact = f"{path}: {wrong.fact}" if wrong.field == "workflow" else wrong.fact
    problem = _problem_at(spec, wrong.field, fact, wrong.hint, wrong.key)
    return unknown_name(problem, wrong.name, wrong.names) if wrong.names else problem


def _problem_at(spec: Spec, name: str, fact: str, hint: str, key: str = "") -> Problem:
    """A problem with a field of the workflow, where it was written last."""
    origins = spec.origins.get(name)
    if not origins:
        return Problem(spec.place(name), name, fact, hint, asset=spec.id)
    origin = origins[-1]
    problem = origin.document.problem((*origin.path, key) if key else origin.path, fact, hint)
    return replace(problem, asset=spec.id)
