"""The recipes of a run: their pictures, earlier images and earlier attempts, as they become known."""

from __future__ import annotations

import asyncio

from reconciler.core.candidates import redrawn_hint
from reconciler.core.digest import AssetId, ContentHash, RecipeKey
from reconciler.core.lock.lockfile import Lock, LockEntry
from reconciler.core.mismatch import taken
from reconciler.core.plan.actions import Consent, OutputLost, Reason
from reconciler.core.plan.decide import can_redraw, was_answered
from reconciler.core.plan.observed import Rejection, rejected_by
from reconciler.core.plan.plan import AssetStep, Plan
from reconciler.core.ports import ImageRequest, StoredImage
from reconciler.core.recipe import Recipe
from reconciler.core.specs.spec import AssetReference, FileReference, Reference, Spec, build_recipe
from reconciler.engine.context import ApplyContext
from reconciler.engine.report import Result, StepError


class Recipes:
    """`contents` are the images of assets by id: those of the lockfile, and those that this run has published."""

    def __init__(self, plan: Plan, lock: Lock, world: ApplyContext) -> None:
        self.world = world
        self.contents = {identity: entry.content for identity, entry in lock.entries.items()}
        self._outputs = {step.asset: step.output for step in plan.steps}
        self._answers = {answer.key: answer for answer in lock.answers.values()}

    def in_doubt(self, asset: AssetId, key: RecipeKey) -> tuple[str, ...]:
        """The attempts in doubt that a request of this asset for this recipe repeats."""
        return tuple(one.attempt for one in self.world.in_doubt if one.asset == asset or one.key == key)

    def recipe(self, spec: Spec) -> Recipe:
        recipe = build_recipe(spec, self._picture)
        if recipe is None:
            raise StepError(Result.BLOCKED, "a reference image is missing", "Blocked")
        return recipe

    def request(self, asset: AssetId, spec: Spec, recipe: Recipe) -> ImageRequest:
        """The request for one image of an asset."""
        return ImageRequest(
            asset,
            recipe,
            recipe.key(),
            self.in_doubt(asset, recipe.key()),
            spec.family(),
            on_mismatch=spec.on_mismatch,
            workflow=spec.template,
        )

    def _picture(self, reference: Reference) -> ContentHash | None:
        if isinstance(reference, FileReference):
            return self.world.files.get(reference.path)
        return self.contents.get(reference.asset)

    def share_references(self, spec: Spec) -> None:
        """Share files whose bytes have exactly the content hashes in the recipe."""
        for reference in spec.pictures():
            content = self._picture(reference)
            path = self._outputs[reference.asset] if isinstance(reference, AssetReference) else reference.path
            file = self.world.outputs.fetch(content, path) if content is not None else None
            if content is None or file is None:
                hint = "it changed during the run, or it is a Git LFS pointer: `git lfs pull` fetches its bytes"
                raise StepError(Result.FAILED, f"{path} does not have the content that was planned; {hint}")
            self.world.references.share(content, file)

    async def stored_image(self, spec: Spec, key: RecipeKey) -> ContentHash | None:
        """The newest image of this recipe in the store that the provider of the spec may use."""
        placeholders = self.world.traits[spec.provider].placeholder
        for stored in reversed(await asyncio.to_thread(self.world.store.recall, key)):
            rejected = self.world.rejected.of_existing(stored.content, stored.original) is not None
            if self._fits(stored, spec) and not rejected and (placeholders or not stored.made.placeholder):
                return stored.content
        return None

    def _fits(self, stored: StoredImage, spec: Spec) -> bool:
        """Whether an image fits its recipe, or the spec takes it all the same."""
        wrong = stored.misfit
        return wrong is None or taken(stored.image, wrong, self.recipe(spec), spec.on_mismatch) is not None

    def require_consent(self, spec: Spec, key: RecipeKey, *, asked: bool, planned: bool) -> None:
        """Hold a recipe that is in doubt, or was answered without an image to lock. The plan could not hold it if the
        recipe became known only after an upstream was made; `planned`: it was known."""
        if self.world.traits[spec.provider].free:
            return
        waiting = next((one.requested for one in self.world.waiting if one.requested.key == key), None)
        if waiting is not None:
            message = f"waiting: same recipe submitted to {waiting.provider} at {waiting.at}"
            raise StepError(Result.WAITING, message, "Running", "`reconciler apply` collects it")
        in_doubt = [one for one in self.world.in_doubt if one.key == key]
        if in_doubt and Consent.RETRY_IN_DOUBT not in self.world.consents:
            first = in_doubt[0]
            message = f"in doubt: same recipe requested from {first.provider} at {first.at}, no response received"
            hint = "check the provider's bill; `reconciler apply --retry-in-doubt` requests it again"
            raise StepError(Result.HELD, message, "InDoubt", hint)
        if not planned and not asked:
            self.require_unrejected(self.world.rejected.recipes.get(key))
        answer = self._answers.get(key)
        if answer is not None and not asked:
            _, consent = was_answered(answer)
            if consent not in self.world.consents:
                hint = f"change the spec, or run `reconciler apply {consent.value}`"
                raise StepError(
                    Result.HELD, f"{answer.kind.value} before: {answer.message}", answer.kind.value.title(), hint
                )

    def lost_image(self, step: AssetStep, reason: Reason, key: RecipeKey) -> LockEntry | None:
        """The lock entry of a lost image that is drawn again, and that no other one replaces without consent."""
        entry = step.entry
        if entry is None or entry.key != key or not isinstance(reason, OutputLost):
            return None
        exact = can_redraw(self.world.traits[step.spec.provider], entry, step.spec)
        return entry if exact and Consent.REGENERATE_MISSING not in self.world.consents else None

    def require_same(self, asset: AssetId, lost: LockEntry, drawn: ContentHash) -> None:
        """Hold an image that was drawn again and is another one: the asset has none then."""
        if drawn != lost.content:
            self.contents.pop(asset, None)
            message = f"drawn differently: {drawn} instead of the locked {lost.content}; it is kept in the store"
            raise StepError(Result.HELD, message, "RedrawnDifferently", redrawn_hint(asset))

    def require_unrejected(self, rejection: Rejection | None) -> None:
        """Hold the work for an image that a reviewer has rejected, and that no other one replaces without consent."""
        if rejection is not None and Consent.REPLACE_REJECTED not in self.world.consents:
            hint = f"change the spec, or run `reconciler apply {Consent.REPLACE_REJECTED.value}`"
            raise StepError(Result.HELD, rejected_by(rejection.by, rejection.at, rejection.note), "Rejected", hint)
