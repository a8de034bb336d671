"""Compare the recipes of two versions of a project: what was added, changed, renamed and removed between them. Pure.

What does not change a recipe costs nothing: a comment, another order, a text moved into a style, a renamed id.
"""

from __future__ import annotations

from collections.abc import Mapping

from reconciler.core.digest import AssetId, ContentHash, Json, RecipeKey, recipe_key
from reconciler.core.lock.lockfile import Lock, LockEntry
from reconciler.core.plan import actions as do
from reconciler.core.plan.plan import AssetStep, Plan
from reconciler.core.recipe import Change, changes
from reconciler.core.specs.spec import FileReference, Reference, Spec, build_recipe
from reconciler.core.traits import Traits
from reconciler.core.value import field, replace, value


@value
class Version:
    """One version of a project. `files` are the contents of reference files, `traits` those of its providers."""

    specs: Mapping[AssetId, Spec]
    lock: Lock
    files: Mapping[str, ContentHash]
    traits: Mapping[str, Traits]


@value
class Compared:
    """The differences of two versions.

    - `added`, `removed`: ids that only one version has; `renamed`: pairs of ids with one recipe.
    - `changed`: ids whose recipes differ, with the fields.
    - `touched`: ids whose specs differ in something that is not part of a recipe.
    - `drafted`: ids of which the older version wanted a draft, and the newer one a real image.
    - `made`: assets whose locked images the older lockfile does not have.
    - `due`: ids with an equal recipe for which the older lockfile has no image either.
    """

    added: tuple[AssetId, ...] = ()
    removed: tuple[AssetId, ...] = ()
    renamed: tuple[tuple[AssetId, AssetId], ...] = ()
    changed: Mapping[AssetId, tuple[Change, ...]] = field(default_factory=dict)
    touched: tuple[AssetId, ...] = ()
    drafted: tuple[AssetId, ...] = ()
    made: tuple[AssetId, ...] = ()
    due: tuple[AssetId, ...] = ()

    @property
    def differs(self) -> bool:
        """Whether any recipe differs."""
        return bool(self.added or self.changed or self.drafted or self.removed)


def compare_versions(before: Version, now: Version) -> Compared:
    """The differences between an older version of a project and the present one."""
    old_keys, keys = WantedKeys(before), WantedKeys(now)
    old = {asset: spec for asset, spec in before.specs.items() if asset not in now.specs}
    by_recipe: dict[str, list[AssetId]] = {}
    for asset, spec in old.items():
        by_recipe.setdefault(old_keys.key(spec), []).append(asset)
    added: list[AssetId] = []
    renamed: list[tuple[AssetId, AssetId]] = []
    changed: dict[AssetId, tuple[Change, ...]] = {}
    touched: list[AssetId] = []
    same: list[tuple[Spec, Spec]] = []
    for asset, spec in now.specs.items():
        was = before.specs.get(asset)
        if was is None:
            origins = by_recipe.get(keys.key(spec))
            if not origins:
                added.append(asset)
                continue
            origin = origins.pop(0)
            renamed.append((origin, asset))
            was = before.specs[origin]
        elif fields := _recipe_changes(old_keys, was, keys=keys, spec=spec):
            changed[asset] = fields
            continue
        elif was is not spec and not _is_alike(was, spec):
            touched.append(asset)
        same.append((was, spec))
    taken = {origin for origin, _ in renamed}
    return Compared(
        tuple(added),
        tuple(asset for asset in old if asset not in taken),
        tuple(renamed),
        changed,
        tuple(touched),
        tuple(spec.id for was, spec in same if _placeholder(before, was) and not _placeholder(now, spec)),
        _made(before.lock, now.lock),
        tuple(spec.id for was, spec in same if _is_due(old_keys, was)),
    )


class WantedKeys:
    """The digests of what the specs of one version ask for.

    A reference to an asset counts by the locked content of that asset, also where that is locked under an earlier id;
    without one, by the digest of what that asset asks for.
    """

    def __init__(self, version: Version) -> None:
        self.version = version
        self._known: dict[AssetId, str] = {}
        self._by_key = {entry.key: entry.content for entry in version.lock.entries.values()}

    def key(self, spec: Spec) -> str:
        """The digest of one spec."""
        if not spec.pictures():
            return spec.base_recipe.key()
        if spec.id not in self._known:
            self._known[spec.id] = ""  # an asset that refers to itself, in a version that is not valid
            recipe = build_recipe(spec, self.content_of)
            self._known[spec.id] = recipe.key() if recipe is not None else self._without_contents(spec)
        return self._known[spec.id]

    def manifest(self, spec: Spec) -> Mapping[str, Json]:
        """The recipe, without its pictures while one of them is missing."""
        recipe = build_recipe(spec, self.content_of) if spec.pictures() else spec.base_recipe
        return (recipe or spec.base_recipe).manifest()

    def content_of(self, reference: Reference) -> ContentHash | None:
        """The content of a picture in this version, or None."""
        if isinstance(reference, FileReference):
            return self.version.files.get(reference.path)
        entry = self.version.lock.entries.get(reference.asset)
        if entry is not None:
            return entry.content
        upstream = self.version.specs.get(reference.asset)
        return self._by_key.get(RecipeKey(self.key(upstream))) if upstream is not None else None

    def _without_contents(self, spec: Spec) -> str:
        pictures: list[Json] = [self.content_of(one) or self._asked(one) for one in spec.pictures()]
        return recipe_key({"fields": spec.base_recipe.manifest(), "pictures": pictures})

    def _asked(self, reference: Reference) -> str:
        if isinstance(reference, FileReference):
            return f"file {reference.path}"
        upstream = self.version.specs.get(reference.asset)
        return f"asset {self.key(upstream)}" if upstream is not None else ""


def to_pay(compared: Compared, plan: Plan) -> Plan:
    """The steps that generate an image because of these differences, each with the difference as its reason.

    What the user has to consent to first counts as well: a proof that something is free must not rest on a refusal.
    """
    wanted: dict[AssetId, do.Reason | None] = {
        **dict.fromkeys(compared.added),
        **{asset: do.RecipeChanged(fields) for asset, fields in compared.changed.items()},
        **dict.fromkeys(compared.drafted),
    }
    steps: list[AssetStep] = []
    for step in plan.asset_steps:
        action = generated(step.action)
        if action is None or step.asset not in wanted:
            continue
        reason = wanted[step.asset] or (do.Placeholder() if step.asset in compared.drafted else do.NeverGenerated())
        steps.append(replace(step, action=replace(action, reason=reason)))
    return Plan(tuple(steps))


def not_generated(compared: Compared, plan: Plan) -> dict[AssetId, tuple[Change, ...]]:
    """The assets that differ although no step of `plan` generates an image for them, each with the fields of its recipe
    that changed: an image by hand that is kept, for example."""
    steps = {step.asset for step in plan.steps}
    wanted: dict[AssetId, tuple[Change, ...]] = dict.fromkeys((*compared.added, *compared.drafted), ())
    return {asset: fields for asset, fields in {**wanted, **compared.changed}.items() if asset not in steps}


def generated(action: do.Action) -> do.Generate | None:
    """The action that generates an image, now or after consent. None for any other one."""
    if isinstance(action, do.Hold) and not isinstance(action.reason, do.MadeByHand | do.RealImage):
        return generated(action.otherwise) if action.otherwise is not None else None
    return action if isinstance(action, do.Generate) else None


def made_entries(compared: Compared, lock: Lock) -> tuple[tuple[AssetId, LockEntry], ...]:
    """The lock entries of the images that were made since the older version."""
    return tuple((asset, lock.entries[asset]) for asset in compared.made)


def _recipe_changes(old_keys: WantedKeys, was: Spec, *, keys: WantedKeys, spec: Spec) -> tuple[Change, ...]:
    """The fields of the recipe in which two versions of an asset differ."""
    if (was is spec and not spec.pictures()) or old_keys.key(was) == keys.key(spec):
        return ()
    old, new = old_keys.manifest(was), keys.manifest(spec)
    return changes(old, new) or (Change("references", old.get("references"), new.get("references")),)


def _is_alike(was: Spec, spec: Spec) -> bool:
    """Whether two specs with one recipe are equal in all else, and written alike."""
    if was != spec or was.file != spec.file:
        return False
    own, other = was.origins.get("", ()), spec.origins.get("", ())
    return not own or not other or own[-1].value == other[-1].value


def _placeholder(version: Version, spec: Spec) -> bool:
    traits = version.traits.get(spec.provider)
    return traits is not None and traits.placeholder


def _is_due(keys: WantedKeys, was: Spec) -> bool:
    """Whether the lockfile of the older version has no image for the recipe of an asset."""
    entry = keys.version.lock.entries.get(was.id)
    if entry is None or entry.key != keys.key(was):
        return True
    return entry.made.placeholder and not _placeholder(keys.version, was)


def _made(before: Lock, now: Lock) -> tuple[AssetId, ...]:
    """Assets whose images are real and were not in the older lockfile; each image once."""
    seen = {entry.content for entry in before.entries.values()}
    made: list[AssetId] = []
    for asset, entry in now.entries.items():
        if entry.content not in seen and not entry.made.placeholder:
            seen.add(entry.content)
            made.append(asset)
    return tuple(made)
