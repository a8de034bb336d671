"""Find the required images that nobody has approved: `check --require-approved`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from reconciler.core.cautions import Caution
from reconciler.core.errors import Place
from reconciler.core.plan.actions import Hold, NotSelected, WasRejected
from reconciler.core.plan.findings import step_place
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

TYPE_CHECKING = False
if TYPE_CHECKING:  # in few projects is anything derived
    from reconciler.core.derived.derived_plan import SetStep


def check_approvals(planned: PlannedProject, reviews: Reviews, derived: Sequence[SetStep] = ()) -> Approvals:
    """The required images, and those of them that are not approved. ProjectError for a required asset or rule that
    there is not; a glob or a tag that selects nothing is a caution. `derived` are the steps of derived files."""
    steps = planned.plan.asset_steps
    rules = reviews.rules
    cautions = tuple(_empty_patterns(steps, rules))
    wanted = required_assets(steps, rules)
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
            draft = step.entry.made.placeholder
            lacking.append(Lacking(step.asset, step.output, standing, step_place(step), draft))
    files, of_files = _derived(planned, reviews, derived, looked_at)
    return Approvals(len(looked_at) + files, (*lacking, *of_files), rules.minimum, cautions)


def _derived(
    planned: PlannedProject, reviews: Reviews, derived: Sequence[SetStep], looked_at: Sequence[AssetStep]
) -> tuple[int, tuple[Lacking, ...]]:
    """The number of derived images that need an approval of their own, and those without one."""
    if not reviews.rules.derived:
        return 0, ()
    from reconciler.project.derived_images import (  # noqa: PLC0415 - few projects want it
        check_rule_names,
        required_images,
    )

    check_rule_names(planned, reviews.rules)
    places = {step.asset: step.spec.place("") for step in looked_at}
    images = required_images(derived, reviews.rules, frozenset(places))
    found = reviews.standings(one.content for one in images)
    return len(images), tuple(
        Lacking(one.path, one.path, found[one.content], places.get(one.assets[0]), derived_from=one.assets[0])
        for one in images
        if found[one.content].state is not ReviewState.APPROVED
    )


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
