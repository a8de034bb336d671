"""The end of a `derive`, for people and for programs. Pure: values in, lines out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from reconciler.core.derived.decide_files import AwaitSource, KeepFile
from reconciler.core.derived.derived_report import DerivedReport
from reconciler.core.text import printable
from reconciler.core.value import field, value
from reconciler.report.derived_text import DerivedFacts, derived_json, derived_lines, derived_total
from reconciler.report.formats import Printed, counted, document

_SHOWN = 20


@value
class DeriveFacts:
    """The plan of a `derive` and its result. `done` is False for one that was only shown."""

    derived: DerivedFacts
    report: DerivedReport = field(default_factory=DerivedReport)
    done: bool = True
    every: bool = False

    @property
    def did_nothing(self) -> bool:
        """Whether nothing was to be done."""
        return self.report == DerivedReport() and not self.derived.plan.left


def derive_text(facts: DeriveFacts) -> Printed:
    """The summary; problems on stderr."""
    if not facts.done:
        total = derived_total(facts.derived) or "nothing to derive"
        return Printed((*derived_lines(facts.derived, every=facts.every), total), prose=True)
    return Printed((derive_summary(facts),), tuple(derive_problems(facts.report)), prose=True)


def derive_json(facts: DeriveFacts) -> Printed:
    """The same for programs."""
    return document({**derived_json(facts.derived), **(report_of_derived(facts.report) if facts.done else {})})


def report_of_derived(report: DerivedReport) -> dict[str, Any]:
    """The result of a run, for programs."""
    return {
        "made": report.made,
        "restored": report.restored,
        "removed": report.removed,
        "failed": [{"set": name, "words": failure.fact, "hint": failure.hint} for name, failure in report.failures],
        "conflicts": list(report.conflicts),
        "notes": list(report.notes),
        "left": report.left,
    }


def derive_summary(facts: DeriveFacts) -> str:
    """`27 derived files made, 2 removed; 63 up to date`."""
    report, kept = facts.report, facts.derived.plan.count(KeepFile)
    counts = ((report.made, "made"), (report.restored, "restored"), (report.removed, "removed"))
    parts = [f"{number:,} {verb}" for number, verb in counts if number]
    waiting = facts.derived.plan.count(AwaitSource)
    parts += [f"{counted(len(report.failures), 'set')} failed"] if report.failures else []
    parts += [f"{counted(len(report.conflicts), 'file')} left alone"] if report.conflicts else []
    parts += [f"{counted(report.left, 'set')} not begun"] if report.left else []
    parts += [f"{counted(waiting, 'file')} without an image to derive from"] if waiting else []
    if not parts:
        return f"nothing to derive: {counted(kept, 'derived file')} up to date"
    return f"derived files: {', '.join(parts)}; {kept:,} up to date"


def derive_problems(report: DerivedReport) -> Iterator[str]:
    """Failures, conflicts, notes, and what a person has to do."""
    for name, failure in report.failures[:_SHOWN]:
        yield f"{printable(name)}: {printable(failure.fact)}"
        if failure.hint:
            yield f"  hint: {printable(failure.hint)}"
    if len(report.failures) > _SHOWN:
        yield f"and {counted(len(report.failures) - _SHOWN, 'more set')} that failed"
    for path in report.conflicts[:_SHOWN]:
        yield f"left alone: {printable(path)} has other bytes than derived.lock says"
    if len(report.conflicts) > _SHOWN:
        yield f"and {counted(len(report.conflicts) - _SHOWN, 'more file')} left alone"
    if report.conflicts:
        yield "  hint: `reconciler adopt PATH` keeps a file; `reconciler restore PATH` makes it as it should be"
    yield from (f"note: {printable(note)}" for note in report.notes[:_SHOWN])
    if report.ignore:
        yield "add these lines to .gitignore files that are yours:"
        yield from (f"  {printable(line)}" for line in report.ignore[:_SHOWN])
