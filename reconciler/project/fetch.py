"""Ask the team's store what it has, and copy missing images from it. Nothing is bought."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from reconciler.core.digest import AssetId, ContentHash, RecipeKey
from reconciler.core.errors import DiskError, ProjectError
from reconciler.core.plan.plan import AssetStep, Step, locked_entry
from reconciler.core.plan.selection import selectable_step
from reconciler.core.ports import Store
from reconciler.core.team.receipts import Disbelieved
from reconciler.core.value import field, replace, value
from reconciler.engine.team.fetching import Questions
from reconciler.project.asset_ids import select_assets
from reconciler.project.edits import EditCallbacks, Edited, EditResult, EditSession, Skipped, edit_assets, edit_session
from reconciler.project.load import load_specs
from reconciler.project.options import Selection
from reconciler.project.planning import PlannedProject, plan_project
from reconciler.project.restore import Restoration
from reconciler.project.team_session import Copies, Fetched, NotCopied, TeamSession, is_missing, wanted
from reconciler.project.workspace import Workspace
from reconciler.report.fetch import FetchFacts

_PLACED = 4
"""Files that are put in place at a time, while others are copied."""


@value
class PullResult:
    """The number of images that a pull copied into the local store, those that it could not copy beside those of
    skipped assets, and the files that it restored."""

    copied: int
    not_copied: Mapping[ContentHash, NotCopied]
    disbelieved: tuple[Disbelieved, ...]
    restored: EditResult


def fetch(workspace: Workspace, ids: Sequence[str], *, wait: float, environ: Mapping[str, str]) -> FetchFacts:
    """Ask about everything that these assets (all, without ids) lack, and keep the answers for plans.

    Raises BucketError, and ProjectError without a team.
    """
    with workspace.exclusive(wait):
        planned = plan_project(workspace, load_specs(workspace), Selection())
        session = _session(workspace, planned, environ)
        session.end_own_claims()
        questions = wanted(planned, _chosen(planned, ids))
        if questions.recipes and not session.team.lists:
            questions = replace(questions, recipes=frozenset())
        fetched = session.fetch(questions)
    return _result(session, fetched, questions)


def pull(
    workspace: Workspace, ids: Sequence[str], callbacks: EditCallbacks, *, wait: float, environ: Mapping[str, str]
) -> PullResult:
    """Copy the images of these assets (all, without ids) into the local store, with the other candidates of their
    recipes, and restore the files that are missing."""
    with edit_session(workspace, wait=wait) as session:
        planned = session.planned
        team = _session(workspace, planned, environ)
        team.end_own_claims()
        steps = _steps(planned, _chosen(planned, ids))
        here = _RecordedHere(workspace.store)
        questions = _everything(planned, steps, here, lists=team.team.lists)
        fetched = team.fetch(questions)
        contents = _copies(steps, fetched, here)
        there = {content for content in contents if workspace.store.find(content) is not None}
        entries = [step.entry for step in steps if step.entry is not None]
        with team.copying(contents, entries) as copies:
            restored, told = _restored(session, team, steps, copies, callbacks)
        failures = copies.failures()
    not_copied = {content: why for content, why in failures.items() if content not in told}
    return PullResult(len({*contents} - there - {*failures}), not_copied, fetched.disbelieved, restored)


def _session(workspace: Workspace, planned: PlannedProject, environ: Mapping[str, str]) -> TeamSession:
    settings = planned.loaded.project.settings.team
    if settings is None:
        hint = "write team: {url: s3://bucket/path} into reconciler.yaml"
        raise ProjectError("this project has no team's store", hint=hint)
    return TeamSession(workspace, settings, environ)


def _chosen(planned: PlannedProject, ids: Sequence[str]) -> Collection[AssetId] | None:
    if not ids:
        return None
    return frozenset(select_assets(ids, map(selectable_step, planned.plan.steps)).assets)


def _steps(planned: PlannedProject, chosen: Collection[AssetId] | None) -> tuple[AssetStep, ...]:
    return tuple(step for step in planned.plan.asset_steps if chosen is None or step.asset in chosen)


class _RecordedHere(dict[RecipeKey, frozenset[ContentHash]]):
    """The images that are here with a record, by recipe. A copy that was killed may have left one without a record."""

    def __init__(self, store: Store) -> None:
        super().__init__()
        self._store = store

    def __missing__(self, key: RecipeKey) -> frozenset[ContentHash]:
        self[key] = frozenset(image.content for image in self._store.recall(key))
        return self[key]


def _everything(planned: PlannedProject, steps: Sequence[AssetStep], here: _RecordedHere, *, lists: bool) -> Questions:
    """Also the candidates of locked images. A locked image that has a receipt is there: it is not asked for twice."""
    questions = wanted(planned, frozenset(step.asset for step in steps))
    if not lists:
        return replace(questions, recipes=frozenset())
    receipts: dict[RecipeKey, frozenset[ContentHash]] = {}
    for step in steps:
        if step.entry is not None and not step.entry.made.placeholder:
            original = () if step.entry.original is None else (step.entry.original,)
            known = receipts.get(step.entry.key, frozenset())
            receipts[step.entry.key] = known | here[step.entry.key] | {step.entry.content, *original}
    return replace(questions, receipts=receipts, contents=frozenset())


def _copies(steps: Sequence[AssetStep], fetched: Fetched, here: _RecordedHere) -> tuple[ContentHash, ...]:
    """The images that are not here: locked ones without a file, and those with believed receipts."""
    entries = [step.entry for step in steps if step.entry is not None and is_missing(step)]
    lacking = [entry.content for entry in entries if entry.content not in here[entry.key]]
    recipes = ((key, recipe) for key, recipe in sorted(fetched.catalogue.recipes.items()) if recipe.images)
    candidates = [image.content for key, recipe in recipes for image in recipe.images if image.content not in here[key]]
    return tuple(dict.fromkeys((*lacking, *candidates)))


def _restored(
    session: EditSession, team: TeamSession, steps: Sequence[AssetStep], copies: Copies, callbacks: EditCallbacks
) -> tuple[EditResult, Collection[ContentHash]]:
    """Put the locked images in place whose files are missing, each as soon as it is copied. Also the contents for which
    assets were skipped."""
    absent: list[Step] = [step for step in steps if step.entry is not None and is_missing(step)]
    restoration = _RestorationOfCopies(session, team, copies)
    result = edit_assets(session, absent, restoration, callbacks, at_once=restoration.at_once, threads=_PLACED)
    return result, restoration.skipped


@value
class _RestorationOfCopies(Restoration):
    """Restores assets from images that are being copied."""

    team: TeamSession
    copies: Copies
    skipped: set[ContentHash] = field(default_factory=set)

    def edit(self, step: Step) -> Edited | Skipped:
        """Wait for the image, and put it in place. Another source may have one that could not be copied. One that is
        here and damaged is copied then."""
        entry = locked_entry(step)
        failure = self._failure(entry.content) if entry is not None else None
        try:
            return Restoration.edit(self, step)
        except DiskError:
            if entry is None:
                raise
            store = self.session.workspace.store
            if store.find(entry.content) is not None and store.sound(entry.content) is None:
                failure = self.team.copy_again(entry.content)
                if failure is None:
                    return Restoration.edit(self, step)
            if failure is None:
                raise
            self.skipped.add(entry.content)
            return Skipped(failure.message, failure.hint)

    def _failure(self, content: ContentHash) -> NotCopied | None:
        """Why an image was not copied. ProjectError if the disk refuses it: it would refuse the others, too."""
        try:
            return self.copies.failure(content)
        except DiskError as error:
            raise ProjectError(error.fact, hint=error.hint) from error


def _result(session: TeamSession, fetched: Fetched, questions: Questions) -> FetchFacts:
    found = [fetched.catalogue.recipes[key] for key in questions.recipes if key in fetched.catalogue.recipes]
    images = sum(bool(recipe.images) for recipe in found)
    images += sum(content in fetched.catalogue.contents for content in questions.contents)
    open_ = sum(bool(recipe.open) for recipe in found)
    return FetchFacts(session.settings.url, fetched.asked, images, open_, fetched.disbelieved)
