"""Find the required images that nobody has approved: `check --require-approved`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from reconciler.core.cautions import Caution
from reconciler.core.errors import Place
from reconciler.core.plan.actions import Hold, NotSelected, WasRejected
from reconciler.core.plan.plan import AssetStep
from reconciler.core.plan.selection import is_glob, matching, selectable_spec
from reconciler.core.reviews.rules import ReviewRules
from reconciler.core.reviews.verdicts import ReviewState, Standing
from reconciler.core.text import printable
from reconciler.core.value import replace
from reconciler.project.asset_ids import no_match
from reconciler.project.planning import PlannedProject
from reconciler.project.review_list import required_assets
from reconciler.project.reviews import Reviews
from reconciler.report.approvals import Approvals, Lacking
from reconciler.store.documents.project import PROJECT_FILE


def check_approvals(planned: PlannedProject, reviews: Reviews) -> Approvals:
    """The required images, and those of them that are not approved. ProjectError for a required asset that there is
    not; a glob or a tag that selects nothing is a caution."""
    steps = planned.plan.asset_steps
    cautions = tuple(_empty_patterns(steps, reviews.rules))
    wanted = required_assets(steps, reviews.rules)
    looked_at = [
        step
        for step in steps
        if (wanted is None or step.asset in wanted) and not isinstance(step.action.reason, NotSelected)
    ]
    found = reviews.standings(step.entry.content for step in looked_at if step.entry is not None)
    lacking = []
    for step in looked_at:
        if step.entry is None:
            continue  # the plan has a step for it
        standing = found[step.entry.content]
        if step.entry.made.placeholder:
            standing = replace(standing, state=ReviewState.OPEN, verdicts=())
        if standing.state is not ReviewState.APPROVED and not _is_held(step, standing):
            lacking.append(Lacking(step, standing))
    return Approvals(len(looked_at), tuple(lacking), reviews.rules.minimum, cautions)


def _empty_patterns(steps: Sequence[AssetStep], rules: ReviewRules) -> Iterator[Caution]:
    """A caution for each glob and tag that selects no asset. ProjectError for any other pattern that selects none: a
    typing error there would let everything pass."""
    assets = [selectable_spec(step.spec) for step in steps]
    for pattern in rules.require or ():
        if not matching(pattern, assets):
            if not is_glob(pattern):
                raise no_match(pattern, assets, option="review.require")
            message = f'"{printable(pattern)}" selects no asset: nothing is required by it'
            yield Caution(message, place=Place(PROJECT_FILE), field="review.require")


def _is_held(step: AssetStep, standing: Standing) -> bool:
    """Whether the plan says already that the locked image was rejected."""
    reason = step.action.reason
    rejected = isinstance(step.action, Hold) and isinstance(reason, WasRejected) and reason.locked
    return rejected and standing.state is ReviewState.REJECTED
