"""The findings of a report as one list, which every format for CI services renders."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime

from reconciler.core.digest import AssetId
from reconciler.core.errors import InvalidInput, Place, ReconcilerError
from reconciler.core.plan.findings import (
    Describe,
    Finding,
    Level,
    Wording,
    a_finding,
    caution_findings,
    finding_groups,
    fingerprint,
    plan_findings,
    problem_findings,
)
from reconciler.core.plan.plan import Plan, Step
from reconciler.core.plan.shared import sharers
from reconciler.core.text import printable
from reconciler.core.value import field, replace, value
from reconciler.report.formats import counted
from reconciler.report.plan_report import PlanFacts
from reconciler.report.plan_text import Shared, behind_line, step_block, sum_text, totals_line
from reconciler.report.validation import ValidationFacts

LOCKFILE_NAME = "assets.lock"
DERIVED_LOCK_NAME = "derived.lock"
PROJECT_NAME = "reconciler.yaml"


@value
class PictureLinks:
    """Where a reader of a report sees the images of a pull request. `raw` is the address below which the committed
    files are, if anybody may read them; `diff` is the page with the changed files of the pull request."""

    raw: str = ""
    diff: str = ""


@value
class Surroundings:
    """What a report must know of its reader. `prefix` is the folder of the project below the repository, "" or `art/`;
    `room` is the number of characters that a text in Markdown may have."""

    prefix: str = ""
    links: PictureLinks = PictureLinks()
    room: int = 60_000


@value
class Covered:
    """An asset that was looked at, with the file of its spec."""

    asset: AssetId
    file: str


@value
class MadeImage:
    """An image that the commits of a branch have made, with its cost as text."""

    asset: AssetId
    output: str
    cost: str


@value
class FindingList:
    """The findings of one command. `title` names the command, or is "" for one that failed; `headline` is the result in
    one line, without foreign text.

    `assets` are all that were looked at; `steps` are those of the plan, by asset; `made` are images to look at."""

    title: str
    headline: str
    findings: tuple[Finding, ...]
    assets: tuple[Covered, ...] = ()
    steps: Mapping[str, Step] = field(default_factory=dict)
    shared: Shared = field(default_factory=dict)
    around: Surroundings = Surroundings()
    made: tuple[MadeImage, ...] = ()

    def groups(self) -> tuple[tuple[Finding, ...], ...]:
        """The findings, those with the same cause at the same line together."""
        return finding_groups(self.findings)

    def price(self, findings: Iterable[Finding]) -> str:
        """The price of the images that these findings ask for; "" if they ask for none."""
        steps = (self.steps.get(each.asset) for each in findings if each.rule not in _FREE)
        return sum_text((step for step in steps if step is not None), self.shared)


_FREE = ("derived-stale", "derived-modified", "waiting")
"""Rules about files that cost nothing, whatever the image costs that they are made from, and about images that are
bought already."""


def group_message(group: tuple[Finding, ...], price: str) -> str:
    """A group of findings in one line, without its hint: `hero and 2 more assets: prompt changed; … [0.4 USD]`."""
    first = group[0]
    others = sum(each.others + 1 for each in group) - 1
    more = f" and {counted(others, 'more asset')}" if others else ""
    name = f"{first.asset}{more}: " if first.asset else ""
    text = "; ".join((f"{name}{first.message}", *first.details))
    return printable(f"{text} [{price}]" if price else text)


def finding_place(finding: Finding, around: Surroundings) -> Place:
    """The place below the repository; that of the lockfile for a finding about an entry without a spec."""
    place = finding.place or Place(LOCKFILE_NAME if finding.asset else PROJECT_NAME)
    return Place(f"{around.prefix}{place.file}", place.line, place.column)


def check_findings(facts: PlanFacts) -> FindingList:
    """The findings of `check`."""
    return replace(_listed(facts), title="check")


def planned_findings(facts: PlanFacts) -> FindingList:
    """The findings of `plan`."""
    return replace(_listed(facts), title="plan")


def validation_findings(facts: ValidationFacts) -> FindingList:
    """The findings of `validate`."""
    problems, warnings = problem_findings(facts.problems), caution_findings(facts.cautions)
    valid = f"all specs are valid: {counted(facts.assets, 'asset')}"
    headline = counted(len(facts.problems), "problem") if facts.problems else valid
    return FindingList("validate", headline, (*problems, *warnings))


def error_findings(error: ReconcilerError) -> FindingList:
    """The findings of a command that failed."""
    if isinstance(error, InvalidInput):
        return FindingList("", counted(len(error.problems), "problem"), tuple(problem_findings(error.problems)))
    mark = fingerprint("invalid-spec", error.fact)
    found = Finding("invalid-spec", Level.ERROR, "", None, error.fact, error.hint, mark, details=error.lines)
    return FindingList("", counted(1, "problem"), (found,))


def _listed(facts: PlanFacts) -> FindingList:
    made = facts.plan
    shared = sharers(made.steps)
    covered = tuple(Covered(step.asset, step.spec.file) for step in made.asset_steps)
    steps: dict[str, Step] = {step.asset: step for step in made.steps}
    findings = (
        *plan_findings(made, step_wording(facts.now, shared)),
        *_beside_the_plan(facts),
        *_derived(facts, steps),
        *_approvals(facts),
        *caution_findings(facts.cautions),
    )
    return FindingList("", _headline(facts), findings, covered, steps, shared)


def step_wording(now: datetime, shared: Shared) -> Describe:
    def said(step: Step) -> Wording:
        text = step_block(step, now, shared).text
        return Wording(text.reason, text.details, text.hint)

    return said


def _beside_the_plan(facts: PlanFacts) -> Iterator[Finding]:
    """The findings about the lockfile and the commit."""
    if facts.behind:
        mark = fingerprint("lockfile-behind")
        message = behind_line(facts.behind, running=facts.running)
        yield Finding("lockfile-behind", Level.ERROR, "", Place(LOCKFILE_NAME), message, fingerprint=mark)
    owners = _owners(facts.plan) if facts.uncommitted else {}
    images = ((output, owners.get(output, ""), LOCKFILE_NAME) for output in facts.uncommitted or ())
    derived = ((output, "", DERIVED_LOCK_NAME) for output in facts.uncommitted_derived)
    for output, owner, lockfile in (*images, *derived):
        hint = f"commit the file together with {lockfile}, or let git ignore it"
        message = f"{output} is not in the commit that is checked out"
        yield a_finding("uncommitted", owner, message, hint=hint, place=Place(lockfile))
    if facts.marks is not None:
        from reconciler.report.missing_marks import mark_findings  # noqa: PLC0415 - only where marks are required

        yield from mark_findings(facts.marks)


def _approvals(facts: PlanFacts) -> Iterator[Finding]:
    """The findings about images that nobody has approved."""
    if facts.approvals is not None:
        from reconciler.report.approvals import approval_findings  # noqa: PLC0415 - only where approvals are required

        yield from approval_findings(facts.approvals)


def _headline(facts: PlanFacts) -> str:
    """The totals, as the last line of the text has them."""
    totals = totals_line(facts.plan)
    if facts.derived is None:
        return totals
    from reconciler.report.derived_text import with_derived  # noqa: PLC0415 - rarely is anything derived

    return with_derived(totals, facts.derived)


def _derived(facts: PlanFacts, steps: Mapping[str, Step]) -> Iterator[Finding]:
    """The findings about derived files."""
    if facts.derived is not None:
        from reconciler.report.findings.derived import derived_findings  # noqa: PLC0415 - rarely is anything derived

        yield from derived_findings(facts.derived, steps)


def _owners(plan: Plan) -> dict[str, str]:
    return {step.output: step.asset for step in plan.steps}
