"""The reports of `plan` and `check`, for people and for programs."""

from __future__ import annotations

from datetime import datetime

from reconciler.core.cautions import Caution
from reconciler.core.plan.plan import Plan
from reconciler.core.value import value
from reconciler.report.formats import Printed, document
from reconciler.report.plan_json import plan_json
from reconciler.report.plan_text import behind_line, check_hint, plan_lines, totals_line
from reconciler.report.warnings import caution_lines, cautions_json


@value
class PlanFacts:
    """A plan at a point in time. `running` is the apply in progress, if any.

    `behind` is the number of assets in the journal but not in the lockfile; UNMERGED if that has conflict markers.
    """

    plan: Plan
    now: datetime
    behind: int = 0
    running: str | None = None
    cautions: tuple[Caution, ...] = ()

    @property
    def drift(self) -> bool:
        """Whether anything is left to do."""
        return bool(self.plan.drift or self.behind)


def plan_text(facts: PlanFacts) -> Printed:
    """The steps, the lines about the lockfile, and warnings on stderr."""
    return Printed((*plan_lines(facts.plan, facts.now), *_behind(facts)), tuple(caution_lines(facts.cautions)))


def plan_document(facts: PlanFacts) -> Printed:
    """The plan for programs, with warnings."""
    warnings = cautions_json(facts.cautions)
    return document(plan_json(facts.plan) | {"behind": facts.behind, "warnings": warnings})


def check_text(facts: PlanFacts) -> Printed:
    """One line if everything is up to date, else the steps."""
    warnings = tuple(caution_lines(facts.cautions))
    if not facts.drift:
        return Printed((totals_line(facts.plan),), warnings)
    lines = (*plan_lines(facts.plan, facts.now), *_behind(facts))
    return Printed(lines, warnings, hint=check_hint(facts.plan, behind=facts.behind))


def check_json(facts: PlanFacts) -> Printed:
    """The same for programs; `clean` is true if nothing is left to do."""
    warnings = cautions_json(facts.cautions)
    return document({"clean": not facts.drift, "behind": facts.behind, **plan_json(facts.plan), "warnings": warnings})


def _behind(facts: PlanFacts) -> tuple[str, ...]:
    return (behind_line(facts.behind, running=facts.running),) if facts.behind else ()
