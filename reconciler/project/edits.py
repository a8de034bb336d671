"""Change the tree and the lockfile on a person's word, in the order of an apply: bytes, journal, lockfile."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

import click

from reconciler.core.digest import AssetId, ContentHash, RecipeKey
from reconciler.core.errors import DiskError, Exit
from reconciler.core.events import Durable, Requested
from reconciler.core.plan.plan import Step
from reconciler.core.recipe import Recipe
from reconciler.core.specs.spec import AssetReference, FileReference, Reference, Spec, build_recipe
from reconciler.core.text import printable
from reconciler.core.value import value
from reconciler.project.load import load_specs
from reconciler.project.options import Selection
from reconciler.project.planning import PlannedProject, plan_project
from reconciler.project.workspace import Workspace, open_workspace
from reconciler.store.worktree.outputs import OutputTree


@value
class EditSession:
    """What an edit works on: the project as it was seen under the lock, and its image files."""

    workspace: Workspace
    planned: PlannedProject
    outputs: OutputTree

    @property
    def in_use(self) -> frozenset[str]:
        """Paths that specs give a meaning: outputs, and files that they refer to."""
        specs = self.planned.loaded.specs.values()
        return frozenset({spec.output for spec in specs} | set(self.planned.seen.files))


@value
class Edited:
    """Done on the disk: what the lockfile shall learn, and what a person shall read."""

    events: tuple[Durable, ...]
    lines: tuple[str, ...]


@value
class Skipped:
    """Not done, and nothing was touched."""

    why: str
    hint: str = ""


@contextmanager
def edit_session(directory: str | None, *, wait: float) -> Iterator[EditSession]:
    """The project, observed and held against every other writer."""
    workspace = open_workspace(directory, os.environ)
    with workspace.exclusive(wait):
        planned = plan_project(workspace, load_specs(workspace), Selection())
        paths = {step.output for step in planned.plan.steps if step.output}
        paths |= {entry.output for entry in planned.lock.entries.values()}
        yield EditSession(workspace, planned, workspace.outputs(frozenset(paths)))


def apply_edits(stage: EditSession, steps: Sequence[Step], edit: Callable[[Step], Edited | Skipped]) -> int:
    """One asset after another, going on after what cannot be done; the exit code."""
    left = 0
    try:
        for step in steps:
            result = _tried(step, edit)
            if isinstance(result, Skipped):
                left += 1
                report_skipped(step.asset, result)
                continue
            stage.workspace.journal.record_all(result.events)
            for line in result.lines:
                click.echo(line)
    finally:
        stage.workspace.close_journal()
    return Exit.ERROR if left else Exit.DONE


def report_skipped(asset: AssetId, left: Skipped) -> None:
    """Say what was not done, and why."""
    click.echo(f"left: {printable(asset)}: {printable(left.why)}", err=True)
    if left.hint:
        click.echo(f"  hint: {left.hint}", err=True)


def _tried(step: Step, edit: Callable[[Step], Edited | Skipped]) -> Edited | Skipped:
    try:
        return edit(step)
    except DiskError as error:  # one asset's bytes; where the journal fails, nothing goes on
        return Skipped(error.fact, error.hint)


def locked_recipe(
    spec: Spec, *, files: Mapping[str, ContentHash], contents: Mapping[AssetId, ContentHash]
) -> Recipe | None:
    """The recipe wanted now, its upstreams counted by their locked pictures; None while one of them has none."""

    def picture(reference: Reference) -> ContentHash | None:
        match reference:
            case FileReference(path=path):
                return files.get(path)
            case AssetReference(asset=asset):
                return contents.get(asset)

    return build_recipe(spec, picture)


def settled_in_doubt(
    planned: PlannedProject, asset: AssetId, *, got: RecipeKey | None = None
) -> tuple[tuple[Requested, ...], tuple[str, ...]]:
    """The requests in doubt that an edit of this asset puts to rest, and what to say of all that it has.

    One for a recipe that another spec wants stays, as after a rename: else that spec would be paid for without a word.
    `got` is the recipe of which the picture is here now, for whoever wants it.
    """
    in_doubt = [one for one in planned.in_doubt if one.asset == asset]
    if not in_doubt:
        return (), ()
    contents, files = locked_contents(planned), planned.seen.files
    others = (spec for identity, spec in planned.loaded.specs.items() if identity != asset)
    recipes = [locked_recipe(spec, files=files, contents=contents) for spec in others]
    wanted = {recipe.key() for recipe in recipes if recipe is not None} - {got}
    lines = []
    for one in in_doubt:
        end = "stays: another spec wants the same" if one.key in wanted else "is not asked about any more"
        lines.append(f"  its request in doubt to {printable(one.provider)} at {printable(one.at)} {end}")
    return tuple(one for one in in_doubt if one.key not in wanted), tuple(lines)


def locked_contents(planned: PlannedProject) -> dict[AssetId, ContentHash]:
    """What is locked for each asset, under the id that its spec has now."""
    return {step.asset: step.entry.content for step in planned.plan.steps if step.entry is not None}
