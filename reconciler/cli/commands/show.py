"""`reconciler show`: show the state of an asset by its spec, the lockfile and its file."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from typing import Any

import click

from reconciler.cli import options
from reconciler.cli.asset_ids import id_arguments
from reconciler.cli.derived_paths import print_derived
from reconciler.core.errors import Exit
from reconciler.core.plan.plan import Step, locked_entry
from reconciler.core.plan.selection import selectable_step
from reconciler.project.asset_ids import select_assets
from reconciler.project.load import load_specs
from reconciler.project.options import Selection
from reconciler.project.planning import PlannedProject, plan_project
from reconciler.project.workspace import Workspace, open_workspace
from reconciler.report.show import answer_of, asset_json
from reconciler.store.worktree.sources import ContentSources


@click.command(epilog="Example:  reconciler show hero --format json")
@id_arguments(required=True)
@options.format_option("show")
@click.pass_obj
def command(directory: str | None, /, ids: tuple[str, ...], format_: str) -> int:
    """Show the state of an asset, its image, the origin of the image, and other copies of it. Writes nothing.

    ID may be the path of a derived file.
    """
    workspace = open_workspace(directory, os.environ)
    if print_derived(workspace, ids, format_):
        return Exit.DONE
    planned = plan_project(workspace, load_specs(workspace), Selection())
    chosen = frozenset(select_assets(ids, map(selectable_step, planned.plan.steps)).assets)
    steps = sorted((step for step in planned.plan.steps if step.asset in chosen), key=lambda step: step.asset)
    recovery = workspace.sources(frozenset(entry.output for step in steps if (entry := locked_entry(step)) is not None))
    now = datetime.now(UTC)
    facts = tuple(
        asset_json(
            step,
            now,
            elsewhere=_elsewhere(workspace, step, recovery),
            answer=answer_of(step, planned.lock),
            review=_review(planned, step),
        )
        for step in steps
    )
    options.print_report("show", format_, facts)
    return Exit.DONE


def _review(planned: PlannedProject, step: Step) -> dict[str, Any] | None:
    entry = locked_entry(step)
    if planned.reviews is None or entry is None:
        return None
    from reconciler.report.reviews import standing_json, standing_words  # noqa: PLC0415 - few projects have verdicts

    standing = planned.reviews.standing(entry.content)
    return {"words": standing_words(standing, minimum=planned.reviews.rules.minimum), **standing_json(standing)}


def _elsewhere(workspace: Workspace, step: Step, recovery: ContentSources) -> tuple[str, ...]:
    entry = locked_entry(step)
    return recovery.places(entry.content, entry.output) if entry is not None else ()
