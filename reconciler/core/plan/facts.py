"""Gather the facts of each asset in working order: the facts of an asset depend on the actions of its upstreams."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import TypeVar

from reconciler.core.digest import AssetId, ContentHash, RecipeKey
from reconciler.core.events import Requested, Waiting
from reconciler.core.fit import fits_as_well, subject_of
from reconciler.core.images.sniff import FORMATS
from reconciler.core.lock.lockfile import Answer, AnswerKind, Lock, LockEntry
from reconciler.core.mismatch import HOLD, OnMismatch, taken
from reconciler.core.money.cost import Cost
from reconciler.core.plan.actions import Action, Adopt, Generate, Move, Restore
from reconciler.core.plan.decide import Facts, can_redraw
from reconciler.core.plan.observed import TEAM_STORE, Found, Observed, Rejection
from reconciler.core.ports import StoredImage
from reconciler.core.recipe import Recipe, manifest_images
from reconciler.core.specs.spec import AssetReference, FileReference, Reference, Spec, build_recipe
from reconciler.core.traits import Traits
from reconciler.core.value import replace

TYPE_CHECKING = False
if TYPE_CHECKING:  # few projects have a team
    from reconciler.core.team.claim import Claim

Price = Callable[[Spec, Recipe], Cost | None]
UnendedT = TypeVar("UnendedT", Requested, Waiting)


class FactCollector:
    """The state of a project while its plan is made. `traits` are those of each provider, by its name."""

    def __init__(
        self, specs: Mapping[AssetId, Spec], lock: Lock, seen: Observed, *, traits: Mapping[str, Traits]
    ) -> None:
        self.specs = specs
        self.lock = lock
        self.seen = seen
        self.traits = traits
        self.contents: dict[AssetId, ContentHash] = {}
        self.generating: set[AssetId] = set()
        self.locked_contents = {entry.output: entry.content for entry in lock.entries.values()}
        self.outputs = {spec.output for spec in specs.values()}
        self.answers = {answer.key: answer for answer in lock.answers.values()}
        self.in_doubt: dict[RecipeKey, tuple[Requested, ...]] = {}
        for request in itertools.chain(*seen.in_doubt.values(), seen.team_in_doubt):
            self.in_doubt[request.key] = (*self.in_doubt.get(request.key, ()), request)
        self.waiting: dict[RecipeKey, tuple[Waiting, ...]] = {}
        for waiting in itertools.chain.from_iterable(seen.waiting.values()):
            key = waiting.requested.key
            self.waiting[key] = (*self.waiting.get(key, ()), waiting)
        self.claimed: dict[RecipeKey, tuple[Claim, ...]] = {}
        for claim in seen.team_claimed:
            self.claimed[claim.key] = (*self.claimed.get(claim.key, ()), claim)
        self.orphans = {identity: entry for identity, entry in sorted(lock.entries.items()) if identity not in specs}
        self.orphans_by_key: dict[RecipeKey, dict[AssetId, None]] = {}
        self.orphans_by_output: dict[str, dict[AssetId, None]] = {}
        for identity, entry in self.orphans.items():
            self.orphans_by_key.setdefault(entry.key, {})[identity] = None
            self.orphans_by_output.setdefault(entry.output, {})[identity] = None
        self.locked_by_key: dict[RecipeKey, list[LockEntry]] = {}
        for entry in lock.entries.values():
            self.locked_by_key.setdefault(entry.key, []).append(entry)

    def facts(self, identity: AssetId, price: Price) -> Facts:
        """The input of the decision about one asset; its upstreams must have been decided."""
        spec = self.specs[identity]
        recipe = build_recipe(spec, self._picture)
        key = recipe.key() if recipe is not None else None
        entry = self.lock.entries.get(identity)
        origin = None
        if entry is None and self.orphans:
            origin = self._orphan_for(spec, key)
            entry = self._take(origin) if origin is not None else None
        traits = self.traits[spec.provider]
        found = self.seen.outputs.get(spec.output)
        before = entry.output if entry is not None and entry.output != spec.output else None
        upstreams = spec.upstreams()
        pending = tuple(up for up in upstreams if up in self.generating) if upstreams else ()
        changed = self._changed_upstreams(spec, entry, key)
        fresh = entry is not None and key == entry.key
        placeholder = entry is not None and entry.made.placeholder and not traits.placeholder
        drafts_suffice = traits.placeholder and (entry is None or entry.made.placeholder)
        source = self._source(entry) if entry is not None and found != entry.content else None
        lost = entry is not None and found is None and source is None
        needed = recipe is not None and not pending and (not fresh or placeholder)
        stored, under = (
            self._existing(recipe, found, free=traits.free, placeholders=drafts_suffice, policy=spec.on_mismatch)
            if needed and recipe is not None
            else (None, None)
        )
        return Facts(
            identity,
            spec=spec,
            recipe=recipe,
            entry=entry,
            origin=origin,
            found=found,
            found_before=self.seen.outputs.get(before) if before is not None else None,
            locked_elsewhere=self.locked_contents.get(spec.output),
            stored=stored,
            stored_under=under,
            source=source,
            remote=_remote(self.seen, stored, entry, source),
            failure=self.seen.failures.get(entry.output) if entry is not None and lost else None,
            redrawn=_redrawn(self.seen, entry) if entry and lost and can_redraw(traits, entry, spec) else None,
            pending=pending,
            missing=tuple(up for up in upstreams if not (up in self.generating or up in self.contents))
            if upstreams else (),
            changed=changed,
            in_doubt=self.seen.in_doubt.get(identity, ()),
            in_doubt_elsewhere=_elsewhere(self.in_doubt, identity, key) if self.in_doubt and not pending else (),
            waiting=self.seen.waiting.get(identity, ()),
            waiting_elsewhere=_elsewhere(self.waiting, identity, key) if self.waiting and not pending else (),
            claimed=self.claimed.get(key, ()) if self.claimed and key is not None and not pending else (),
            answered=self._answered(key) if needed and stored is None and key is not None else None,
            rejected=self.seen.rejected.of(entry.content, entry.original) if entry is not None else None,
            answer_rejected=self._answer_rejected(recipe) if needed and stored is None and recipe is not None else None,
            other_side=self.lock.settled.get(identity),
            traits=traits,
            old_path=before if before is not None and before not in self.outputs else None,
            cost=price(spec, recipe or spec.base_recipe),
        )  # fmt: skip

    def expect(self, facts: Facts, action: Action) -> None:
        """Record the image that an asset will have after its action, for the assets that refer to it.

        The image of an orphan belongs to the asset only once the asset has taken it over.
        """
        if isinstance(action, Generate):
            self.generating.add(facts.identity)
        if isinstance(action, (Adopt, Restore, Move)):
            self.contents[facts.identity] = action.content
        elif facts.entry is not None and (facts.origin is None or isinstance(action, Generate)):
            self.contents[facts.identity] = facts.entry.content

    def _picture(self, reference: Reference) -> ContentHash | None:
        if isinstance(reference, FileReference):
            return self.seen.files.get(reference.path)
        return self.contents.get(reference.asset)

    def _orphan_for(self, spec: Spec, key: RecipeKey | None) -> AssetId | None:
        """The orphan from which this asset was renamed: with its recipe (preferably at its path), else at its path."""
        same = self.orphans_by_key.get(key, {}) if key is not None else {}
        here = self.orphans_by_output.get(spec.output, {})
        both = (one for one in here if one in same)
        return next(itertools.chain(both, same, here), None)

    def _take(self, origin: AssetId) -> LockEntry:
        entry = self.orphans.pop(origin)
        del self.orphans_by_key[entry.key][origin], self.orphans_by_output[entry.output][origin]
        return entry

    def _changed_upstreams(self, spec: Spec, entry: LockEntry | None, key: RecipeKey | None) -> tuple[AssetId, ...]:
        """The upstreams whose images are the only difference from the locked recipe; empty if anything else differs."""
        if entry is None or key is None or key == entry.key or not spec.upstreams():
            return ()
        before = manifest_images(entry.recipe)
        pictures = spec.pictures()
        if len(before) != len(pictures):
            return ()
        old = {ref: was for ref, was in zip(pictures, before, strict=True) if isinstance(ref, AssetReference)}
        recipe = build_recipe(spec, lambda ref: old.get(ref) if isinstance(ref, AssetReference) else self._picture(ref))
        if recipe is None or recipe.key() != entry.key:
            return ()
        return tuple(dict.fromkeys(ref.asset for ref, was in old.items() if self.contents.get(ref.asset) != was))

    def _existing(
        self, recipe: Recipe, found: Found, *, free: bool, placeholders: bool, policy: OnMismatch
    ) -> tuple[ContentHash | None, RecipeKey | None]:
        """An image that is what this recipe describes, and the recipe that it was made for, if that is another one."""
        had = self._made_before(recipe.key(), found, placeholders=placeholders)
        if had is None and policy != HOLD:
            stored = (one for one in self.seen.stored.get(recipe.key(), ()) if not self._is_rejected(one))
            had = next((one.content for one in reversed([*stored]) if _is_taken(one, recipe, policy)), None)
        if had is not None or free:
            return had, None
        for name in FORMATS:
            other = replace(recipe, format=name).key() if name != recipe.format else None
            had = self._made_before(other, found, placeholders=False, format_=recipe.format) if other else None
            if had is not None:
                return had, other
        for image, key in self._misfits.get(subject_of(recipe.manifest()), ()) if self._misfits else ():
            if image.misfit is not None and fits_as_well(recipe, image.image, image.misfit):
                return image.content, key
        return None, None

    @cached_property
    def _misfits(self) -> Mapping[bytes, Sequence[tuple[StoredImage, RecipeKey]]]:
        """The stored images that did not fit their recipes, by what those show."""
        found: dict[bytes, list[tuple[StoredImage, RecipeKey]]] = {}
        for answer in self.answers.values():
            for image in self.seen.stored.get(answer.key, ()) if answer.kind is AnswerKind.MISMATCHED else ():
                if image.misfit is not None and not self._is_rejected(image):
                    found.setdefault(subject_of(image.misfit.recipe), []).append((image, answer.key))
        return found

    def _answered(self, key: RecipeKey) -> Answer | None:
        """How this recipe was answered, by the lockfile; else by the store, if the lockfile was taken back."""
        known = self.answers.get(key) or self.seen.team_answers.get(key)
        if known is not None:
            return known
        for image in reversed(self.seen.stored.get(key, ())):
            if image.misfit is not None:
                return Answer(
                    key, image.misfit.message, image.made.at, AnswerKind.MISMATCHED, image.content, image.made.cost
                )
        return None

    def _made_before(
        self, key: RecipeKey, found: Found, *, placeholders: bool, format_: str = ""
    ) -> ContentHash | None:
        """An image for this recipe: the one at the output, a locked one whose bytes are available, or the newest of the
        store. `placeholders`: a placeholder suffices. One in the format `format_` comes before the others. A rejected
        image is never one."""
        locked = (
            entry.content
            for entry in self.locked_by_key.get(key, ())
            if (placeholders or not entry.made.placeholder)
            and not self._is_rejected(entry)
            and (entry.content == found or self._source(entry) is not None)
        )
        fitting = [
            image
            for image in reversed(self.seen.stored.get(key, ()))
            if image.misfit is None and (placeholders or not image.made.placeholder) and not self._is_rejected(image)
        ]
        same = (image.content for image in fitting if image.image.format == format_)
        existing = (*same, *locked, *(image.content for image in fitting))
        return next((content for content in existing if content == found), existing[0] if existing else None)

    def _is_rejected(self, image: StoredImage | LockEntry) -> bool:
        return self.seen.rejected.of_existing(image.content, image.original) is not None

    def _answer_rejected(self, recipe: Recipe) -> Rejection | None:
        """The rejection of an image for this recipe, in any format."""
        known = self.seen.rejected.recipes
        keys = (replace(recipe, format=name).key() for name in FORMATS) if known else ()
        return known.get(recipe.key()) or next((known[key] for key in keys if key in known), None)

    def _source(self, entry: LockEntry) -> str | None:
        if self.seen.outputs.get(entry.output) == entry.content:
            return entry.output
        return self.seen.sources.get((entry.content, entry.output))


def _remote(seen: Observed, stored: ContentHash | None, entry: LockEntry | None, source: str | None) -> str:
    """The place of the image that would be restored, if it is on another machine."""
    if stored is not None:
        return seen.remote.get(stored, "")
    return seen.remote.get(entry.content, "") if entry is not None and source == TEAM_STORE else ""


def _elsewhere(
    requests: Mapping[RecipeKey, tuple[UnendedT, ...]], identity: AssetId, key: RecipeKey | None
) -> tuple[UnendedT, ...]:
    """The requests for a recipe that other assets have made, or other checkouts."""
    found = requests.get(key, ()) if key is not None else ()
    return tuple(one for one in found if _request(one).asset != identity or _request(one).by)


def _request(one: Requested | Waiting) -> Requested:
    return one if isinstance(one, Requested) else one.requested


def _is_taken(image: StoredImage, recipe: Recipe, policy: OnMismatch) -> bool:
    """Whether an image does not fit its recipe, and is taken all the same."""
    return image.misfit is not None and taken(image.image, image.misfit, recipe, policy) is not None


def _redrawn(seen: Observed, entry: LockEntry) -> ContentHash | None:
    """The newest image that the provider has drawn for a locked recipe, other than the locked one."""
    known, by = (entry.content, entry.original), entry.made.provider
    drawn = (
        one for one in reversed(seen.stored.get(entry.key, ())) if one.original is None and one.made.provider == by
    )
    return next((one.content for one in drawn if one.content not in known), None)
