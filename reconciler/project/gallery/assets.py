"""Collect the assets of a page from a plan: the image to judge, what it is compared with, references, candidates."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from reconciler.core.candidates import Candidate
from reconciler.core.digest import AssetId, ContentHash, recipe_key
from reconciler.core.lock.lockfile import Lock, LockEntry
from reconciler.core.plan.actions import Conflict, Keep, WasMismatched
from reconciler.core.plan.observed import Blocked
from reconciler.core.plan.plan import AssetStep, DoubtStep, Step, locked_entry
from reconciler.core.ports import StoredImage
from reconciler.core.recipe import Recipe
from reconciler.core.specs.spec import FileReference
from reconciler.core.text import one_line
from reconciler.core.value import field, value
from reconciler.project.choose import candidates_of_step
from reconciler.project.edits import locked_contents, locked_recipe
from reconciler.project.judge import unjudgeable
from reconciler.project.planning import PlannedProject
from reconciler.project.review_list import required_assets
from reconciler.project.workspace import Workspace
from reconciler.report.gallery.facts import Earlier, PageAsset, PageReference

_TAKES = 12
"""Takes before the present one that are looked up."""


@value
class BeforeLock:
    """The lockfile of another revision, and the name of that."""

    name: str
    lock: Lock


@value
class AssetCollector:
    """A planned project, as the assets of a page. `against` is the revision that each asset is compared with; without
    one it is the take before."""

    workspace: Workspace
    planned: PlannedProject
    against: BeforeLock | None = None
    candidates: bool = False
    contents: Mapping[AssetId, ContentHash] = field(default_factory=dict)
    required: frozenset[AssetId] | None = None

    def assets(self, steps: Sequence[Step]) -> Iterator[PageAsset]:
        """The assets of these steps. A request in doubt without spec and lock entry is none."""
        for step in steps:
            if not isinstance(step, DoubtStep):
                yield self._asset(step)

    def _asset(self, step: Step) -> PageAsset:
        entry = locked_entry(step)
        wanted = self._wanted(step)
        found = self._candidates(step)
        takes = tuple(self._takes(entry)) if entry is not None else ()
        now = self._now(step, entry)
        before, added = self._before(step, entry, now, takes)
        return PageAsset(
            step,
            entry,
            now,
            before,
            wanted=wanted.manifest() if wanted is not None else None,
            references=tuple(self._references(step)),
            candidates=found,
            takes=takes,
            obstacle=_obstacle(self.planned, step),
            required=self.required is None or step.asset in self.required,
            added=added,
        )

    def _now(self, step: Step, entry: LockEntry | None) -> ContentHash | None:
        """The file that a person put there, else the locked image."""
        if isinstance(step.action, Conflict) and step.action.found is not None:
            there = self.planned.seen.outputs.get(step.output)
            return None if isinstance(there, Blocked) else step.action.found
        return entry.content if entry is not None else None

    def _before(
        self, step: Step, entry: LockEntry | None, now: ContentHash | None, takes: Sequence[StoredImage]
    ) -> tuple[Earlier | None, bool]:
        """What the image is compared with, and whether the revision does not have the asset."""
        if self.against is not None:
            origin = step.origin if isinstance(step, AssetStep) else None
            entries = self.against.lock.entries
            old = entries.get(step.asset) or (entries.get(origin) if origin is not None else None)
            if old is None:
                return None, True
            return (Earlier(self.against.name, old.content, old.recipe) if old.content != now else None), False
        if entry is None:
            return None, False
        if now != entry.content:
            return Earlier("the locked image", entry.content, entry.recipe), False
        same = [one for one in self.planned.seen.stored.get(entry.key, ()) if _is_image(one)]
        place = next((place for place, one in enumerate(same) if one.content in (now, entry.original)), len(same))
        if place:
            return Earlier("the image before", same[place - 1].content, entry.recipe), False
        if takes:
            return Earlier("the take before", takes[-1].content), False
        return None, False

    def _takes(self, entry: LockEntry) -> Iterator[StoredImage]:
        """The images of earlier takes of the same words, oldest first."""
        take = entry.recipe.get("take", 1)
        if not isinstance(take, int) or isinstance(take, bool):
            return
        for number in range(max(1, take - _TAKES), take):
            manifest = {name: each for name, each in entry.recipe.items() if name != "take"}
            key = recipe_key(manifest if number == 1 else {**manifest, "take": number})
            yield from (one for one in self.planned.seen.stored.get(key, ()) if _is_image(one))

    def _candidates(self, step: Step) -> tuple[Candidate, ...]:
        """Those to choose from. Of an asset that no image fits they are always shown."""
        if not (self.candidates or isinstance(step.action.reason, WasMismatched)):
            return ()
        its = candidates_of_step(self.workspace, self.planned, step)
        if its is None or (len(its.found) < 2 and its.recipe is None):
            return ()
        return its.found

    def _wanted(self, step: Step) -> Recipe | None:
        if not isinstance(step, AssetStep) or isinstance(step.action, Keep):
            return None
        return locked_recipe(step.spec, files=self.planned.seen.files, contents=self.contents)

    def _references(self, step: Step) -> Iterator[PageReference]:
        if not isinstance(step, AssetStep):
            return
        for reference in dict.fromkeys(step.spec.pictures()):
            if isinstance(reference, FileReference):
                yield PageReference(reference.path, self.planned.seen.files.get(reference.path))
            else:
                yield PageReference(reference.asset, self.contents.get(reference.asset), reference.asset)


def collector(
    workspace: Workspace, planned: PlannedProject, *, against: BeforeLock | None, candidates: bool
) -> AssetCollector:
    """The collector of a planned project. `candidates`: the candidates of every asset, too."""
    rules = planned.loaded.project.settings.review
    required = required_assets(planned.plan.asset_steps, rules)
    return AssetCollector(workspace, planned, against, candidates, locked_contents(planned), required)


def _is_image(one: StoredImage) -> bool:
    return one.misfit is None and not one.made.placeholder and one.original is None


def _obstacle(planned: PlannedProject, step: Step) -> str:
    """Why the image of an asset cannot be judged at present; "" if it can."""
    found = unjudgeable(step, planned.seen.outputs.get(step.output))
    return one_line(found.why, 200) if found is not None else ""
