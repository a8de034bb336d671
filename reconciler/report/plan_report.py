"""The reports of `plan` and `check`, for people and for programs."""

from __future__ import annotations

from datetime import datetime

from reconciler.core.cautions import Caution
from reconciler.core.plan.plan import Plan
from reconciler.core.value import value
from reconciler.report.formats import Printed, document
from reconciler.report.plan_json import plan_json
from reconciler.report.plan_text import behind_line, check_hint, totals_line, uncommitted_lines
from reconciler.report.plan_view import Verbosity, plan_lines
from reconciler.report.warnings import caution_lines, cautions_json


@value
class PlanFacts:
    """A plan at a point in time. `running` is the apply in progress, if any.

    `behind` is the number of assets in the journal but not in the lockfile; UNMERGED if that has conflict markers.
    `uncommitted` are the outputs that are in no commit; None if nobody looked.
    """

    plan: Plan
    now: datetime
    behind: int = 0
    running: str | None = None
    cautions: tuple[Caution, ...] = ()
    verbosity: Verbosity = Verbosity.NORMAL
    uncommitted: tuple[str, ...] | None = None

    @property
    def drift(self) -> bool:
        """Whether anything is left to do."""
        return bool(self.plan.drift or self.behind or self.uncommitted)


def plan_text(facts: PlanFacts) -> Printed:
    """The steps, the lines about the lockfile, and warnings on stderr."""
    return Printed(_lines(facts), tuple(caution_lines(facts.cautions)), prose=True)


def plan_document(facts: PlanFacts) -> Printed:
    """The plan for programs, with warnings."""
    warnings = cautions_json(facts.cautions)
    return document(plan_json(facts.plan) | {"behind": facts.behind, "warnings": warnings})


def check_text(facts: PlanFacts) -> Printed:
    """One line if everything is up to date, else the steps."""
    warnings = tuple(caution_lines(facts.cautions))
    if not facts.drift:
        return Printed((totals_line(facts.plan),), warnings, prose=True)
    return Printed(_lines(facts), warnings, check_hint(facts.plan, behind=facts.behind), prose=True)


def check_json(facts: PlanFacts) -> Printed:
    """The same for programs; `clean` is true if nothing is left to do."""
    warnings = cautions_json(facts.cautions)
    looked = {"uncommitted": list(facts.uncommitted)} if facts.uncommitted is not None else {}
    plan = plan_json(facts.plan)
    return document({"clean": not facts.drift, "behind": facts.behind, **plan, **looked, "warnings": warnings})


def _lines(facts: PlanFacts) -> tuple[str, ...]:
    behind = (behind_line(facts.behind, running=facts.running),) if facts.behind else ()
    uncommitted = uncommitted_lines(facts.uncommitted or ())
    return (*plan_lines(facts.plan, facts.now, verbosity=facts.verbosity), *behind, *uncommitted)
