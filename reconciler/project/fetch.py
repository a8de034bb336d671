"""Ask the team's store what it has, and copy missing images from it. Nothing is bought."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from reconciler.core.digest import AssetId, ContentHash, RecipeKey
from reconciler.core.errors import ProjectError
from reconciler.core.plan.plan import AssetStep, Step
from reconciler.core.plan.selection import selectable_step
from reconciler.core.team.catalogue import KnownRecipe
from reconciler.core.team.receipts import Disbelieved
from reconciler.core.value import replace, value
from reconciler.engine.team.fetching import Questions
from reconciler.project.asset_ids import select_assets
from reconciler.project.edits import EditCallbacks, EditResult, EditSession, edit_assets, edit_session
from reconciler.project.load import load_specs
from reconciler.project.options import Selection
from reconciler.project.planning import PlannedProject, plan_project
from reconciler.project.restore import Restoration
from reconciler.project.team_session import Fetched, NotCopied, TeamSession, is_missing, wanted
from reconciler.project.workspace import Workspace
from reconciler.report.fetch import FetchFacts


@value
class PullResult:
    """What a pull copied into the local store, what it could not copy, and the files that it restored."""

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
        questions = _everything(planned, steps, workspace, lists=team.team.lists)
        fetched = team.fetch(questions)
        contents = _copies(steps, fetched, workspace)
        not_copied = team.copy(contents, [step.entry for step in steps if step.entry is not None])
        restored = _restored(session, steps, callbacks)
    return PullResult(len(contents) - len(not_copied), not_copied, fetched.disbelieved, restored)


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


def _everything(planned: PlannedProject, steps: Sequence[AssetStep], workspace: Workspace, *, lists: bool) -> Questions:
    """Also the candidates of locked images. A locked image that has a receipt is there: it is not asked for twice."""
    questions = wanted(planned, frozenset(step.asset for step in steps))
    if not lists:
        return replace(questions, recipes=frozenset())
    receipts: dict[RecipeKey, frozenset[ContentHash]] = {}
    for step in steps:
        if step.entry is not None and not step.entry.made.placeholder:
            here = frozenset(image.content for image in workspace.store.recall(step.entry.key))
            original = () if step.entry.original is None else (step.entry.original,)
            known = receipts.get(step.entry.key, frozenset())
            receipts[step.entry.key] = known | here | {step.entry.content, *original}
    return replace(questions, receipts=receipts, contents=frozenset())


def _copies(steps: Sequence[AssetStep], fetched: Fetched, workspace: Workspace) -> tuple[ContentHash, ...]:
    """The images that are not here: locked ones without a file, and those with believed receipts."""
    catalogue, store = fetched.catalogue, workspace.store
    lacking = [step.entry.content for step in steps if step.entry is not None and is_missing(step)]
    keys = {step.entry.key for step in steps if step.entry is not None}
    keys |= {key for key, recipe in catalogue.recipes.items() if recipe.images}
    known = (catalogue.recipes.get(key, KnownRecipe("")) for key in sorted(keys))
    candidates = [image.content for recipe in known for image in recipe.images]
    return tuple(one for one in dict.fromkeys((*lacking, *candidates)) if store.find(one) is None)


def _restored(session: EditSession, steps: Sequence[AssetStep], callbacks: EditCallbacks) -> EditResult:
    """Put the locked images in place whose files are missing."""
    store = session.workspace.store
    absent: list[Step] = [
        step
        for step in steps
        if step.entry is not None and is_missing(step) and store.find(step.entry.content) is not None
    ]
    restoration = Restoration(session)
    return edit_assets(session, absent, restoration, callbacks, at_once=restoration.at_once)


def _result(session: TeamSession, fetched: Fetched, questions: Questions) -> FetchFacts:
    found = [fetched.catalogue.recipes[key] for key in questions.recipes if key in fetched.catalogue.recipes]
    images = sum(bool(recipe.images) for recipe in found)
    images += sum(content in fetched.catalogue.contents for content in questions.contents)
    open_ = sum(bool(recipe.open) for recipe in found)
    return FetchFacts(session.settings.url, fetched.asked, images, open_, fetched.disbelieved)
