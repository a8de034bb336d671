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
from reconciler.report.explain import explanation


def explain(
    planned: PlannedProject, step: Step, now: datetime, *, contents: Mapping[AssetId, ContentHash]
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
    return explanation(step, now, recipe=recipe, content_of=content_of, project=project)
