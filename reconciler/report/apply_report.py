"""The end of an apply, for people and for programs. The events before it are streamed by the command."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from reconciler.core.candidates import Candidate
from reconciler.core.cautions import Caution
from reconciler.core.digest import AssetId
from reconciler.core.events import Requested, Waiting
from reconciler.core.plan.actions import Hold, UpstreamUnavailable
from reconciler.core.plan.plan import Plan
from reconciler.core.text import printable
from reconciler.core.value import field, value
from reconciler.engine.report import Report
from reconciler.report.apply_summary import problem_lines, report_json, summary_line
from reconciler.report.candidates import candidate_lines, candidates_json
from reconciler.report.formats import Printed, counted, json_line
from reconciler.report.in_doubt import in_doubt_lines
from reconciler.report.plan_json import plan_json
from reconciler.report.plan_text import ANY_ASSET, describe
from reconciler.report.plan_view import Verbosity, plan_lines
from reconciler.report.waiting import going_on_lines, waiting_json
from reconciler.report.warnings import cautions_json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from reconciler.report.derive_report import DeriveFacts


@value
class ApplyFacts:
    """The end of an apply. `report` is None if there was nothing to do.

    `candidates` are the images of each asset that has several; their paths are relative to `root`. `derived` is what
    was derived, None if nothing is. `waiting` are accepted requests without an end.
    """

    plan: Plan
    now: datetime
    root: Path
    report: Report | None = None
    in_doubt: tuple[Requested, ...] = ()
    candidates: Mapping[AssetId, tuple[Candidate, ...]] = field(default_factory=dict)
    cautions: tuple[Caution, ...] = ()
    verbosity: Verbosity = Verbosity.NORMAL
    derived: DeriveFacts | None = None
    waiting: tuple[Waiting, ...] = ()


_REASONS = 5
"""The most reasons of held steps that are listed: models refuse each request in other words."""


def apply_text(facts: ApplyFacts) -> Printed:
    """The summary, below the candidates; problems on stderr."""
    if facts.report is None:
        lines = tuple(plan_lines(facts.plan, facts.now, verbosity=facts.verbosity))
        if facts.derived is not None and facts.derived.did_nothing:
            from reconciler.report.derived_text import with_derived  # noqa: PLC0415 - few projects derive files

            return Printed((*lines[:-1], with_derived(lines[-1], facts.derived.derived)), prose=True)
        return Printed((*lines, *_derived_summary(facts)), tuple(_derived_problems(facts)), prose=True)
    problems = (
        *problem_lines(facts.report, in_doubt=facts.in_doubt),
        *_held(facts),
        *_cut_off(facts, facts.report),
        *going_on_lines(facts.waiting),
        *_derived_problems(facts),
    )
    summary = summary_line(facts.report, in_doubt=facts.in_doubt)
    return Printed((*_choices(facts), summary, *_derived_summary(facts)), problems, prose=True)


def apply_json(facts: ApplyFacts) -> Printed:
    """The last event of the stream."""
    ended = plan_json(facts.plan) if facts.report is None else report_json(facts.report, in_doubt=facts.in_doubt)
    waiting = {"waiting": waiting_json(facts.waiting)} if facts.waiting else {}
    event = {"event": "end", **ended, **waiting, "warnings": cautions_json(facts.cautions)}
    listed = {asset: candidates_json(found, root=facts.root) for asset, found in facts.candidates.items()}
    derived: dict[str, Any] = {}
    if facts.derived is not None:
        from reconciler.report.derive_report import report_of_derived  # noqa: PLC0415 - few projects derive files

        derived = {"derived": report_of_derived(facts.derived.report)}
    return json_line(event | ({"candidates": listed} if listed else {}) | derived)


def _derived_summary(facts: ApplyFacts) -> Iterator[str]:
    if facts.derived is not None:
        from reconciler.report.derive_report import derive_summary  # noqa: PLC0415 - few projects derive files

        yield derive_summary(facts.derived)


def _derived_problems(facts: ApplyFacts) -> Iterator[str]:
    if facts.derived is not None:
        from reconciler.report.derive_report import derive_problems  # noqa: PLC0415 - few projects derive files

        yield from derive_problems(facts.derived.report)


def _held(facts: ApplyFacts) -> Iterator[str]:
    """Why the plan held steps, and what to do next: the plan itself may have scrolled away."""
    alike: dict[tuple[str, str], int] = {}
    for step in facts.plan.steps:
        if isinstance(step.action, Hold) and not isinstance(step.action.reason, UpstreamUnavailable):
            text = describe(step, facts.now, name=ANY_ASSET)
            alike[text.reason, text.hint] = alike.get((text.reason, text.hint), 0) + 1
    said: set[str] = set()
    for (reason, hint), count in list(alike.items())[:_REASONS]:
        yield f"held {counted(count, 'asset')}: {reason}"
        if hint and hint not in said:
            yield f"  hint: {hint}"
            said.add(hint)
    rest = sum(list(alike.values())[_REASONS:])
    if rest:
        yield f"held {counted(rest, 'asset')} for other reasons: `reconciler plan` lists them"


def _cut_off(facts: ApplyFacts, report: Report) -> Iterator[str]:
    """The requests that an interrupted run leaves without a response."""
    reported = {line.asset for line in report.lines}
    cut_off = [one for one in facts.in_doubt if one.asset not in reported]
    for one, line in zip(cut_off, in_doubt_lines(cut_off, facts.now), strict=True):
        yield f"in doubt: {printable(one.asset)}: {line}"
    if cut_off:
        yield "  hint: `reconciler recover` lists them"


def _choices(facts: ApplyFacts) -> Iterator[str]:
    for asset, found in facts.candidates.items():
        name = printable(asset)
        yield f"{name}: {len(found)} candidates; `reconciler choose {name} NUMBER` locks another one:"
        yield from candidate_lines(found, root=facts.root)
