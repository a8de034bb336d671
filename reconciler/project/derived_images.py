"""The derived files that a person can judge: those that derived.lock has and that are images."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from reconciler.core.derived.decide_files import KeepFile
from reconciler.core.derived.derived_plan import SetStep
from reconciler.core.derived.wanted import AssetSet, BundleSet
from reconciler.core.digest import AssetId, ContentHash
from reconciler.core.errors import ProjectError
from reconciler.core.reviews.rules import ReviewRules
from reconciler.core.specs.paths import suffix_format
from reconciler.core.suggest import did_you_mean
from reconciler.core.text import printable
from reconciler.core.value import value
from reconciler.project.options import Selection
from reconciler.project.planning import PlannedProject, derived_files
from reconciler.project.workspace import Workspace


@value
class DerivedImage:
    """One derived image. `set` is its block in derived.lock, `rule` the rule or the bundle that makes it; `assets` are
    those whose images it is made from. `current`: it is on disk as recorded, and nothing is left to do."""

    set: str
    rule: str
    path: str
    content: ContentHash
    assets: tuple[AssetId, ...]
    current: bool


def split_derived_images(
    workspace: Workspace, planned: PlannedProject, patterns: Sequence[str]
) -> tuple[tuple[DerivedImage, ...], tuple[str, ...]]:
    """The derived images that patterns name by path or by set, and the other patterns. An asset comes first."""
    assets = {step.asset for step in planned.plan.steps}
    unknown = [pattern for pattern in patterns if pattern not in assets]
    state = derived_files(workspace, planned, Selection()) if unknown else None
    if state is None:
        return (), tuple(patterns)
    images = tuple(derived_images(state.plan.steps))
    named = {
        pattern: [one for one in images if pattern.removeprefix("./") in (one.path, one.set)] for pattern in unknown
    }
    found = dict.fromkeys(one for ones in named.values() for one in ones)
    return tuple(found), tuple(pattern for pattern in patterns if not named.get(pattern))


def required_images(
    steps: Iterable[SetStep], rules: ReviewRules, assets: frozenset[AssetId] | None
) -> tuple[DerivedImage, ...]:
    """The images of the rules and bundles that want an approval of their own; of rules, those of required `assets`
    only (None: all). Those that are not current are left out: the plan has a step for them."""
    found = tuple(derived_images(steps))
    return tuple(
        one
        for one in found
        if one.rule in rules.derived and one.current and (assets is None or not assets.isdisjoint(one.assets))
    )


def check_rule_names(planned: PlannedProject, rules: ReviewRules) -> None:
    """ProjectError for a rule in `review.derived` that there is not: a typing error there would let everything pass."""
    derivation = planned.loaded.derivation
    bundles = {each.bundle.name for each in derivation.sets if isinstance(each, BundleSet)} if derivation else set()
    known = {*(derivation.rules if derivation else ()), *bundles}
    for name in rules.derived:
        if name not in known:
            hint = did_you_mean(name, known) or "rules are in specs/_derive.yaml, bundles in specs/_bundles.yaml"
            raise ProjectError(f'review.derived: no rule or bundle is called "{printable(name)}"', hint=hint)


def derived_images(steps: Iterable[SetStep]) -> Iterator[DerivedImage]:
    """The images of these sets, in order."""
    for step in steps:
        match step.wanted:
            case AssetSet(asset=asset, rule=rule):
                name, made_from = rule.name, [asset]
            case BundleSet(bundle=bundle, members=members):
                name, made_from = bundle.name, [member.asset for member in members]
            case None:
                continue
        assets = tuple(dict.fromkeys(made_from))
        for each in step.files:
            if each.line is not None and suffix_format(each.path) is not None:
                current = isinstance(each.action, KeepFile)
                yield DerivedImage(step.name, name, each.path, each.line.content, assets, current)
