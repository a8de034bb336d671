"""The assets of a project with the results of their reviews."""

from __future__ import annotations

from collections.abc import Sequence

from reconciler.core.digest import AssetId
from reconciler.core.plan.plan import AssetStep
from reconciler.core.plan.selection import matching, selectable_spec, selectable_step
from reconciler.core.reviews.rules import ReviewRules
from reconciler.core.reviews.verdicts import Standing
from reconciler.project.asset_ids import select_assets
from reconciler.project.derived_images import required_images, split_derived_images
from reconciler.project.options import Selection
from reconciler.project.planning import PlannedProject, derived_files
from reconciler.project.workspace import Workspace
from reconciler.report.reviews import ReviewedAsset


def reviewed_images(
    workspace: Workspace, planned: PlannedProject, patterns: Sequence[str]
) -> tuple[ReviewedAsset, ...]:
    """The selected assets, by id, and the derived images that patterns name, or that need an approval of their own;
    all of them without a pattern."""
    rules = planned.loaded.project.settings.review
    images, rest = split_derived_images(workspace, planned, patterns)
    if not patterns and rules.derived:
        state = derived_files(workspace, planned, Selection())
        wanted = required_assets(planned.plan.asset_steps, rules)
        images = required_images(state.plan.steps, rules, wanted) if state is not None else ()
    reviews = planned.reviews
    found = reviews.standings(one.content for one in images) if reviews is not None else {}
    of_files = (
        ReviewedAsset(
            AssetId(one.path),
            one.path,
            one.content,
            found.get(one.content, Standing()),
            required=one.rule in rules.derived,
            minimum=rules.minimum,
        )
        for one in images
    )
    assets = reviewed_assets(planned, rest) if rest or not patterns else ()
    return (*assets, *of_files)


def reviewed_assets(planned: PlannedProject, patterns: Sequence[str]) -> tuple[ReviewedAsset, ...]:
    """The selected assets, by id; all of them without a pattern. Orphans are none."""
    steps = planned.plan.asset_steps
    if patterns:
        names = frozenset(select_assets(patterns, map(selectable_step, steps)).assets)
        steps = tuple(step for step in steps if step.asset in names)
    rules = planned.loaded.project.settings.review
    wanted = required_assets(planned.plan.asset_steps, rules)
    contents = [step.entry.content for step in steps if step.entry is not None]
    found = planned.reviews.standings(contents) if planned.reviews is not None else {}
    return tuple(
        ReviewedAsset(
            step.asset,
            step.output,
            step.entry.content if step.entry is not None else None,
            found.get(step.entry.content, Standing()) if step.entry is not None else Standing(),
            required=wanted is None or step.asset in wanted,
            minimum=rules.minimum,
        )
        for step in sorted(steps, key=lambda step: step.asset)
    )


def required_assets(steps: Sequence[AssetStep], rules: ReviewRules) -> frozenset[AssetId] | None:
    """The assets that must be approved; None for every asset."""
    if rules.require is None:
        return None
    assets = [selectable_spec(step.spec) for step in steps]
    return frozenset().union(*(matching(pattern, assets) for pattern in rules.require))
