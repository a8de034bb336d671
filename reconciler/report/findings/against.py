"""The differences to another commit as findings: a note for each image that the branch will have to pay for."""

from __future__ import annotations

from reconciler.core.plan.findings import Level, plan_findings
from reconciler.core.plan.plan import Step
from reconciler.core.plan.shared import sharers
from reconciler.core.value import replace
from reconciler.report.against import AgainstFacts, against_line
from reconciler.report.findings.listed import Covered, FindingList, MadeImage, step_wording


def against_findings(facts: AgainstFacts) -> FindingList:
    """A note for each step to pay for, and the images that the commits have made."""
    shared = sharers(facts.plan.steps)
    found = plan_findings(facts.plan, step_wording(facts.now, shared))
    steps: dict[str, Step] = {step.asset: step for step in facts.plan.steps}
    return FindingList(
        "plan",
        f"against {facts.commit[:7]}: {against_line(facts)}",
        tuple(replace(each, level=Level.NOTE) for each in found),
        tuple(Covered(step.asset, step.spec.file) for step in facts.plan.asset_steps),
        steps,
        shared,
        made=tuple(MadeImage(asset, entry.output, entry.made.cost) for asset, entry in facts.made),
    )
