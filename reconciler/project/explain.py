"""Explain an asset: the origin of its fields, and its current recipe."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from reconciler.core.digest import AssetId, ContentHash
from reconciler.core.plan.plan import AssetStep, Step
from reconciler.core.specs.spec import FileReference, Reference
from reconciler.project.edits import locked_recipe
from reconciler.project.planning import PlannedProject
from reconciler.project.workspace import Workspace
from reconciler.report.explain import explanation
from reconciler.store.worktree.git import GitRepository

TYPE_CHECKING = False
if TYPE_CHECKING:  # few projects have workflows
    from reconciler.core.workflows.differences import NodeChange


_VERSIONS = 50
"""The most versions of a workflow file that git is asked for."""


def explain(
    workspace: Workspace,
    planned: PlannedProject,
    step: Step,
    now: datetime,
    *,
    contents: Mapping[AssetId, ContentHash],
) -> dict[str, Any]:
    """The explanation of one asset; its recipe has the locked images of its references, which are in `contents`."""

    def content_of(reference: Reference) -> ContentHash | None:
        if isinstance(reference, FileReference):
            return planned.seen.files.get(reference.path)
        return contents.get(reference.asset)

    recipe = None
    if isinstance(step, AssetStep):
        recipe = locked_recipe(step.spec, files=planned.seen.files, contents=contents)
    project = planned.loaded.project.document
    nodes = _changed_nodes(workspace, step) if isinstance(step, AssetStep) else ()
    return explanation(step, now, recipe=recipe, content_of=content_of, project=project, nodes=nodes)


def _changed_nodes(workspace: Workspace, step: AssetStep) -> tuple[NodeChange, ...]:
    """The nodes of the workflow that have changed since the image was locked, if git has the file as it was."""
    use, entry = step.spec.workflow, step.entry
    was = entry.recipe.get("workflow") if entry is not None else None
    if use is None or was is None or was == step.spec.base_recipe.workflow:
        return ()
    from reconciler.core.workflows.differences import node_changes  # noqa: PLC0415 - few projects have workflows
    from reconciler.core.workflows.graph import MAX_WORKFLOW, read_graph  # noqa: PLC0415 - the same
    from reconciler.core.workflows.template import WorkflowTemplate, template_of  # noqa: PLC0415 - the same

    repository = GitRepository(workspace.root)
    blobs = repository.history([use.path]).get(use.path, [])[:_VERSIONS]
    sizes = repository.blob_sizes(blobs)
    for blob in blobs:
        if sizes.get(blob, MAX_WORKFLOW + 1) > MAX_WORKFLOW:
            continue
        data = repository.small_blobs([blob]).get(blob, b"")
        made = template_of(read_graph(data), dict(use.fill), use.take_from)
        if isinstance(made, WorkflowTemplate) and made.digest == was:
            return node_changes(made.text, use.template)
    return ()
