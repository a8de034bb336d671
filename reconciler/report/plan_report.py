"""The reports of `plan` and `check`, for people and for programs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Any

from reconciler.core.cautions import Caution
from reconciler.core.plan.plan import Plan
from reconciler.core.value import replace, value
from reconciler.report.formats import Printed, document
from reconciler.report.plan_json import plan_json
from reconciler.report.plan_text import behind_line, check_hint, totals_line, uncommitted_lines
from reconciler.report.plan_view import Verbosity, plan_lines
from reconciler.report.warnings import caution_lines, cautions_json

if TYPE_CHECKING:
    from reconciler.report.approvals import Approvals
    from reconciler.report.derived_text import DerivedFacts
    from reconciler.report.missing_marks import MarkCheck
    from reconciler.report.shard import ShardFacts


@value
class PlanFacts:
    """A plan at a point in time. `running` is the apply in progress, if any.

    `behind` is the number of assets in the journal but not in the lockfile; UNMERGED if that has conflict markers.
    `uncommitted` are the outputs that are in no commit (`uncommitted_derived`: the derived files), and `approvals` and
    `marks` the results of looking for approvals and for marks of shipped files; None if nobody looked. `derived` is
    None where nothing is derived, and `shard` is None for a plan of the whole project.
    """

    plan: Plan
    now: datetime
    behind: int = 0
    running: str | None = None
    cautions: tuple[Caution, ...] = ()
    verbosity: Verbosity = Verbosity.NORMAL
    uncommitted: tuple[str, ...] | None = None
    uncommitted_derived: tuple[str, ...] = ()
    derived: DerivedFacts | None = None
    approvals: Approvals | None = None
    marks: MarkCheck | None = None
    shard: ShardFacts | None = None

    @property
    def drift(self) -> bool:
        """Whether anything is left to do."""
        if self.derived is not None and self.derived.plan.left:
            return True
        unapproved = self.approvals is not None and self.approvals.lacking
        unmarked = self.marks is not None and self.marks.lacking
        uncommitted = self.uncommitted or self.uncommitted_derived
        return bool(self.plan.drift or self.behind or uncommitted or unapproved or unmarked)


def plan_text(facts: PlanFacts) -> Printed:
    """The steps, the lines about the lockfile, and warnings on stderr."""
    return Printed(_lines(facts), tuple(caution_lines(facts.cautions)), prose=True)


def plan_document(facts: PlanFacts) -> Printed:
    """The plan for programs, with warnings."""
    warnings = cautions_json(facts.cautions)
    plan = plan_json(facts.plan) | _derived_json(facts) | {"behind": facts.behind, "warnings": warnings}
    if facts.shard is not None:
        from reconciler.report.shard import shard_json  # noqa: PLC0415 - few plans are divided

        plan |= {"shard": shard_json(facts.shard)}
    return document(plan)


def check_text(facts: PlanFacts) -> Printed:
    """One line if everything is up to date, else the steps."""
    warnings = tuple(caution_lines(facts.cautions))
    if not facts.drift:
        return Printed((*clean_lines(facts), *_approvals(facts), *_marks(facts)), warnings, prose=True)
    return Printed(
        _lines(facts), warnings, check_hint(facts.plan, behind=facts.behind) or _derive_hint(facts), prose=True
    )


def check_json(facts: PlanFacts) -> Printed:
    """The same for programs; `clean` is true if nothing is left to do."""
    warnings = cautions_json(facts.cautions)
    looked: dict[str, Any] = {}
    if facts.uncommitted is not None:
        looked["uncommitted"] = [*facts.uncommitted, *facts.uncommitted_derived]
    plan = plan_json(facts.plan) | _derived_json(facts)
    if facts.approvals is not None:
        from reconciler.report.approvals import approvals_json  # noqa: PLC0415 - only where approvals are required

        looked |= approvals_json(facts.approvals)
    if facts.marks is not None:
        from reconciler.report.missing_marks import marks_json  # noqa: PLC0415 - only where marks are required

        looked |= marks_json(facts.marks)
    return document({"clean": not facts.drift, "behind": facts.behind, **plan, **looked, "warnings": warnings})


def clean_lines(facts: PlanFacts) -> Iterator[str]:
    """What `check` prints where nothing is left to do."""
    if facts.derived is None:
        yield totals_line(facts.plan)
        return
    from reconciler.report.derived_text import older_lines, with_derived  # noqa: PLC0415 - rarely is anything derived

    yield from older_lines(facts.derived)
    yield with_derived(totals_line(facts.plan), facts.derived)


def cached_answers(facts: PlanFacts) -> dict[str, str]:
    """The output of commands for a plan with nothing to do. It holds until something changes."""
    plan = _with_derived(replace(facts, verbosity=Verbosity.NORMAL), plan_lines(facts.plan, facts.now))
    answers = {"plan": _text(plan), "check": _text(clean_lines(facts))}
    found = facts.approvals
    if found is not None and not found.lacking and not found.cautions:
        answers["check --require-approved"] = _text((*clean_lines(facts), *_approvals(facts)))
    return answers


def _approvals(facts: PlanFacts) -> tuple[str, ...]:
    if facts.approvals is None or (facts.plan.drift and not facts.approvals.lacking):
        return ()
    from reconciler.report.approvals import approval_lines  # noqa: PLC0415 - only where approvals are required

    return tuple(approval_lines(facts.approvals, verbose=facts.verbosity is Verbosity.VERBOSE))


def _marks(facts: PlanFacts) -> tuple[str, ...]:
    if facts.marks is None or (facts.drift and not facts.marks.lacking):
        return ()
    from reconciler.report.missing_marks import mark_lines  # noqa: PLC0415 - only where marks are required

    return tuple(mark_lines(facts.marks, verbose=facts.verbosity is Verbosity.VERBOSE))


def _text(lines: Iterable[str]) -> str:
    return "".join(f"{line}\n" for line in lines)


def _lines(facts: PlanFacts) -> tuple[str, ...]:
    behind = (behind_line(facts.behind, running=facts.running),) if facts.behind else ()
    uncommitted = (
        *uncommitted_lines(facts.uncommitted or ()),
        *uncommitted_lines(facts.uncommitted_derived, kind="derived file", lockfile="derived.lock"),
    )
    plan = _with_derived(facts, plan_lines(facts.plan, facts.now, verbosity=facts.verbosity))
    return (*plan, *_shard(facts), *behind, *uncommitted, *_approvals(facts), *_marks(facts))


def _shard(facts: PlanFacts) -> tuple[str, ...]:
    if facts.shard is None:
        return ()
    from reconciler.report.shard import shard_line  # noqa: PLC0415 - few plans are divided

    return (shard_line(facts.shard),)


def _with_derived(facts: PlanFacts, lines: Iterator[str]) -> tuple[str, ...]:
    """The lines of a plan with those of the derived files before the totals."""
    if facts.derived is None:
        return tuple(lines)
    from reconciler.report.derived_text import plan_with_derived, with_derived  # noqa: PLC0415 - rarely needed

    if facts.verbosity is Verbosity.QUIET:
        *steps, totals = lines
        return (*steps, with_derived(totals, facts.derived))
    return plan_with_derived(lines, facts.derived, every=facts.verbosity is Verbosity.VERBOSE)


def _derive_hint(facts: PlanFacts) -> str:
    if facts.derived is None:
        return ""
    from reconciler.report.derived_text import derive_hint  # noqa: PLC0415 - rarely is anything derived

    return derive_hint(facts.derived)


def _derived_json(facts: PlanFacts) -> dict[str, Any]:
    if facts.derived is None:
        return {}
    from reconciler.report.derived_text import derived_json  # noqa: PLC0415 - rarely is anything derived

    return derived_json(facts.derived)
