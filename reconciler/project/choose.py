"""List the candidates of an asset, or lock another one of them."""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.core.candidates import Candidate, find_candidate
from reconciler.core.digest import ContentHash
from reconciler.core.errors import ProjectError
from reconciler.core.events import Published
from reconciler.core.lock.lockfile import LockEntry
from reconciler.core.plan.actions import WasMismatched
from reconciler.core.plan.observed import Rejection, rejected_by
from reconciler.core.plan.plan import AssetStep, Step, locked_entry
from reconciler.core.plan.selection import selectable_step
from reconciler.core.ports import InTheWay
from reconciler.core.recipe import Recipe
from reconciler.core.specs.paths import suffix_format
from reconciler.core.text import printable
from reconciler.core.value import replace, value
from reconciler.engine.conversion import Conversions
from reconciler.engine.report import StepError
from reconciler.project.asset_ids import select_assets
from reconciler.project.candidates import candidates
from reconciler.project.converter import LazyConverter
from reconciler.project.edits import (
    AlreadyDone,
    EditCallbacks,
    Edited,
    EditResult,
    EditSession,
    PassedOver,
    Skipped,
    changed_meanwhile,
    edit_assets,
    edit_session,
    locked_contents,
    locked_recipe,
)
from reconciler.project.load import load_specs
from reconciler.project.options import Selection
from reconciler.project.planning import PlannedProject, plan_project
from reconciler.project.workspace import Workspace


@value
class AssetCandidates:
    """An asset with its lock entry, and the images that were made for one recipe of it: the wanted one, if it was
    answered with an image that does not fit, else the locked one. `recipe` is the wanted one."""

    step: Step
    entry: LockEntry | None
    found: tuple[Candidate, ...]
    recipe: Recipe | None = None


def list_candidates(workspace: Workspace, pattern: str) -> AssetCandidates:
    """The candidates of one asset. ProjectError if it has none and is not locked."""
    return _candidates_of(workspace, plan_project(workspace, load_specs(workspace), Selection()), pattern)


def choose(
    workspace: Workspace,
    pattern: str,
    candidate: str,
    callbacks: EditCallbacks,
    *,
    wait: float,
    expect: ContentHash | None = None,
) -> EditResult:
    """Lock another candidate, by its number or content hash. Costs nothing. `expect`: another locked image than this
    one is not replaced, ProjectError."""
    with edit_session(workspace, wait=wait) as session:
        its = _candidates_of(workspace, session.planned, pattern)
        if expect is not None and (its.entry is None or its.entry.content != expect):
            raise ProjectError(f"{printable(its.step.asset)} has another image now", hint="look at it again")
        chosen = find_candidate(its.found, candidate)
        if isinstance(chosen, str):
            raise ProjectError(printable(chosen), hint=f"`reconciler choose {printable(pattern)}` lists them")
        if chosen.rejected is not None:
            raise _was_rejected(its.step, chosen, chosen.rejected)
        return edit_assets(session, [its.step], Choice(session, its, chosen), callbacks)


def _candidates_of(workspace: Workspace, planned: PlannedProject, pattern: str) -> AssetCandidates:
    (name,) = select_assets((pattern,), map(selectable_step, planned.plan.steps)).assets[:1]
    its = candidates_of_step(workspace, planned, next(step for step in planned.plan.steps if step.asset == name))
    if its is None:
        raise ProjectError(f"{printable(name)} is not locked yet", hint="`reconciler apply` makes or restores it")
    return its


def candidates_of_step(workspace: Workspace, planned: PlannedProject, step: Step) -> AssetCandidates | None:
    """The candidates of one asset; None if it has none and is not locked."""
    entry = locked_entry(step)
    if isinstance(step, AssetStep) and isinstance(step.action.reason, WasMismatched):
        recipe = locked_recipe(step.spec, files=planned.seen.files, contents=locked_contents(planned))
        if recipe is not None:
            found = candidates(workspace.store, recipe.key(), entry=entry, rejected=planned.seen.rejected)
            return AssetCandidates(step, entry, found, recipe)
    if entry is None:
        return None
    found = candidates(workspace.store, entry.key, entry=entry, rejected=planned.seen.rejected)
    return AssetCandidates(step, entry, found)


def _was_rejected(step: Step, chosen: Candidate, rejection: Rejection) -> ProjectError:
    words = rejected_by(rejection.by, rejection.at, rejection.note)
    name, content = printable(step.asset), chosen.image.content
    hint = f"if that was a mistake, the same reviewer approves it: `reconciler approve {name} --content {content}`"
    return ProjectError(f"candidate {chosen.number} was {words}", hint=hint)


@value
class Choice:
    """Locks one candidate of one asset."""

    session: EditSession
    its: AssetCandidates
    chosen: Candidate

    def foresee(self, step: Step) -> Skipped | PassedOver | AlreadyDone | None:
        """See Edit."""
        return None

    def edit(self, step: Step) -> Edited | Skipped:
        """Put the bytes of the candidate in place, in the format of the output."""
        entry, there = self.its.entry, self.session.planned.seen.outputs.get(step.output)
        if self.its.recipe is None and entry is not None and entry.output != step.output:
            return Skipped(f"it moves from {entry.output} to {step.output}", "run `reconciler apply` first")
        if there not in (None, *self._known(entry)):
            return Skipped(f"{step.output} was changed by hand", _either(step.asset))
        if self.chosen.locked and there is not None and self.its.recipe is None:
            return Edited((), (f"{printable(step.asset)}: candidate {self.chosen.number} is locked already",))
        try:
            chosen = self._entry(step)
        except StepError as error:
            return Skipped(error.message, error.hint)
        expect = there if isinstance(there, str) else None
        placed = self.session.outputs.place(chosen.content, step.output, expect=expect, locked_for=step.output)
        if isinstance(placed, InTheWay):
            return changed_meanwhile(step.output)
        self._vacate(step)
        line = f"chose {printable(step.asset)}: candidate {self.chosen.number} -> {printable(step.output)}"
        origin = step.origin if isinstance(step, AssetStep) else None
        return Edited((Published(step.asset, chosen, "restored", origin),), (line,))

    def _known(self, entry: LockEntry | None) -> Iterator[ContentHash]:
        """What may be replaced: the candidate itself, a conversion of it, and the locked image."""
        if entry is not None:
            yield entry.content
        content, recipe = self.chosen.image.content, self.its.recipe
        key = recipe.key() if recipe is not None else entry.key if entry is not None else None
        yield content
        for one in self.session.workspace.store.recall(key) if key is not None else ():
            if one.original == content:
                yield one.content

    def _entry(self, step: Step) -> LockEntry:
        """The lock entry of the candidate, under the recipe that it was made for."""
        store, image = self.session.workspace.store, self.chosen.image
        conversions = Conversions(store, self.session.outputs, LazyConverter(store))
        if self.its.recipe is not None:
            return conversions.entry_now(step.output, self.its.recipe, image, path=step.output)
        assert self.its.entry is not None  # an asset without an entry has the candidates of its wanted recipe
        given = conversions.given(self.its.entry.key, image, str(suffix_format(step.output)), path=step.output)
        return replace(
            self.its.entry, content=given.content, image=given.image, made=given.made, original=given.original
        )

    def _vacate(self, step: Step) -> None:
        """Remove the file from the path that the asset leaves."""
        entry = self.its.entry
        if entry is not None and entry.output != step.output and entry.output not in self.session.in_use:
            self.session.outputs.vacate(entry.output, expect=entry.content)


def _either(asset: str) -> str:
    name = printable(asset)
    return f"`reconciler adopt {name}` locks the file, `reconciler restore {name}` puts the locked image back"
