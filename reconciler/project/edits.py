"""Change the tree and the lockfile by hand: adopt, restore, prune and choose share this sequence."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import groupby
from typing import Protocol, TypeVar

from reconciler.core.digest import AssetId, ContentHash, RecipeKey
from reconciler.core.errors import ConsentNeeded, DiskError
from reconciler.core.events import Durable, Published, Requested
from reconciler.core.plan.actions import MergeSettled
from reconciler.core.plan.plan import Step, locked_entry
from reconciler.core.recipe import Recipe
from reconciler.core.specs.spec import AssetReference, FileReference, Reference, Spec, build_recipe
from reconciler.core.text import printable
from reconciler.core.value import replace, value
from reconciler.project.load import load_specs
from reconciler.project.options import Selection
from reconciler.project.planning import PlannedProject, plan_project
from reconciler.project.workspace import Workspace
from reconciler.store.worktree.outputs import OutputTree

_THREADS = 8
"""Files that are put in place at a time: each waits for the disk."""
AnyStep = TypeVar("AnyStep", bound=Step)
EditedStep_contra = TypeVar("EditedStep_contra", bound=Step, contravariant=True)


@value
class EditSession:
    """A project, planned under its lock, and its image files."""

    workspace: Workspace
    planned: PlannedProject
    outputs: OutputTree

    @property
    def in_use(self) -> frozenset[str]:
        """Paths that specs use: outputs and reference files."""
        specs = self.planned.loaded.specs.values()
        return frozenset({spec.output for spec in specs} | set(self.planned.seen.files))


@value
class Edited:
    """The files were changed: the events for the journal, and the lines for people."""

    events: tuple[Durable, ...]
    lines: tuple[str, ...]


@value
class Skipped:
    """The asset cannot be edited, and nothing was changed. The command fails."""

    why: str
    hint: str = ""


def changed_meanwhile(output: str) -> Skipped:
    """The outcome for an output that another program has changed since it was observed."""
    return Skipped(f"{output} was changed during this command", "close the program that writes it, and try again")


@value
class PassedOver:
    """The asset is named only by a glob, and the edit does not apply to it. The command does not fail."""

    why: str


@value
class AlreadyDone:
    """The asset is already as the edit would make it."""

    note: str


EditOutcome = Edited | Skipped | PassedOver | AlreadyDone


class Edit(Protocol[EditedStep_contra]):
    """One kind of edit, for the steps to which it applies."""

    def foresee(self, step: EditedStep_contra) -> Skipped | PassedOver | AlreadyDone | None:
        """The outcome for an asset that needs no edit or cannot be edited; None for one to edit. Changes nothing."""
        ...

    def edit(self, step: EditedStep_contra) -> Edited | Skipped:
        """Change the tree. The bytes are durable when this returns."""
        ...


@value
class EditCallbacks:
    """The caller's part in an edit. `consent` decides on the steps to edit; False raises ConsentNeeded. `report` gets
    the outcome of each asset as soon as it is known."""

    consent: Callable[[Sequence[Step]], bool]
    report: Callable[[AssetId, EditOutcome], None]


@value
class EditResult:
    """The number of steps to edit, and the number of skipped assets."""

    work: int
    skipped: int


@contextmanager
def edit_session(workspace: Workspace, *, wait: float) -> Iterator[EditSession]:
    """Hold the lock of the project, and plan it."""
    with workspace.exclusive(wait):
        planned = plan_project(workspace, load_specs(workspace), Selection())
        paths = {step.output for step in planned.plan.steps if step.output}
        paths |= {entry.output for entry in planned.lock.entries.values()}
        yield EditSession(workspace, planned, workspace.outputs(frozenset(paths)))


def _alone(_: Step) -> bool:
    return False


def edit_assets(
    session: EditSession,
    steps: Sequence[AnyStep],
    edit: Edit[AnyStep],
    callbacks: EditCallbacks,
    *,
    at_once: Callable[[AnyStep], bool] = _alone,
    threads: int = _THREADS,
) -> EditResult:
    """Edit one asset after another, in the order of an apply: bytes, journal, lockfile. Several threads edit those of
    which `at_once` is true: each of them touches nothing but an absent file of its own.

    An asset that cannot be edited is skipped. ConsentNeeded is raised before anything is changed.
    """
    work, skipped = [], 0
    for step in steps:
        foreseen = edit.foresee(step)
        if foreseen is None:
            work.append(step)
        else:
            callbacks.report(step.asset, foreseen)
            skipped += isinstance(foreseen, Skipped)
    if not callbacks.consent(work):
        raise ConsentNeeded("nothing was changed")
    try:
        session.workspace.journal.record_all(_settled_in_merge(session))
        for step, outcome in _outcomes(work, edit, at_once, threads):
            if isinstance(outcome, Edited):
                session.workspace.journal.record_all(outcome.events)
            callbacks.report(step.asset, outcome)
            skipped += isinstance(outcome, Skipped)
    finally:
        session.workspace.close_journal()
    return EditResult(len(work), skipped)


def _settled_in_merge(session: EditSession) -> tuple[Published, ...]:
    """The assets of a merge that a person has settled by the file on disk, as the next apply would lock them: the
    lockfile that this edit writes does not say any more how they were settled."""
    planned, published = session.planned, []
    contents = locked_contents(planned)
    for step in planned.plan.asset_steps:
        if step.entry is not None and isinstance(step.action.reason, MergeSettled):
            recipe = locked_recipe(step.spec, files=planned.seen.files, contents=contents)
            if recipe is not None:
                entry = replace(step.entry, output=step.output, key=recipe.key(), recipe=recipe.manifest())
                published.append(Published(step.asset, entry, "adopted"))
    return tuple(published)


def _outcomes(
    work: Sequence[AnyStep], edit: Edit[AnyStep], at_once: Callable[[AnyStep], bool], threads: int
) -> Iterator[tuple[AnyStep, Edited | Skipped]]:
    """Each step with its outcome, in order."""
    for several, group in groupby(work, key=at_once):
        steps = list(group)
        if not several or len(steps) == 1:
            for step in steps:
                yield step, _edited(step, edit)
            continue
        from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415 - most edits are of one asset

        with ThreadPoolExecutor(threads) as pool:  # an error or Ctrl-C ends the map, which begins no further step
            yield from zip(steps, pool.map(lambda step: _edited(step, edit), steps), strict=True)


def _edited(step: AnyStep, edit: Edit[AnyStep]) -> Edited | Skipped:
    try:
        return edit.edit(step)
    except DiskError as error:  # the bytes of one asset; an error of the journal ends the command
        return Skipped(error.fact, error.hint)


def locked_recipe(
    spec: Spec, *, files: Mapping[str, ContentHash], contents: Mapping[AssetId, ContentHash]
) -> Recipe | None:
    """The recipe of a spec with the locked images of its upstreams; None while one of them has no image."""

    def content_of(reference: Reference) -> ContentHash | None:
        match reference:
            case FileReference(path=path):
                return files.get(path)
            case AssetReference(asset=asset):
                return contents.get(asset)

    return build_recipe(spec, content_of)


def settled_in_doubt(
    planned: PlannedProject, asset: AssetId, *, got: RecipeKey | None = None
) -> tuple[tuple[Requested, ...], tuple[str, ...]]:
    """The requests in doubt that an edit of this asset resolves, and a line for each request in doubt of the asset.

    A request for a recipe of another spec stays in doubt, as after a rename: otherwise that spec would be paid for
    without consent. `got` is the recipe for which the edit provides the image.
    """
    in_doubt = [one for one in planned.in_doubt if one.asset == asset]
    if not in_doubt:
        return (), ()
    contents, files = locked_contents(planned), planned.seen.files
    others = (spec for identity, spec in planned.loaded.specs.items() if identity != asset)
    recipes = [locked_recipe(spec, files=files, contents=contents) for spec in others]
    needed = {recipe.key() for recipe in recipes if recipe is not None} - {got}
    lines = []
    for one in in_doubt:
        end = "kept, another spec has the same recipe" if one.key in needed else "resolved"
        lines.append(f"  request in doubt to {printable(one.provider)} at {printable(one.at)}: {end}")
    return tuple(one for one in in_doubt if one.key not in needed), tuple(lines)


def locked_contents(planned: PlannedProject) -> dict[AssetId, ContentHash]:
    """The locked content of each asset, by the id that its spec has now."""
    return {step.asset: entry.content for step in planned.plan.steps if (entry := locked_entry(step)) is not None}
