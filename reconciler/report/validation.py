"""The report of `validate`, for people and for programs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from reconciler.core.cautions import Caution
from reconciler.core.errors import InvalidInput, Place, Problem, ReconcilerError, alike_lines
from reconciler.core.value import value
from reconciler.report.formats import Printed, counted, document, json_line
from reconciler.report.plan_text import NO_ASSETS
from reconciler.report.warnings import caution_lines, cautions_json


@value
class ValidationFacts:
    """Every problem; or, without one, the number of assets and the warnings about them."""

    problems: tuple[Problem, ...] = ()
    assets: int = 0
    cautions: tuple[Caution, ...] = ()


def validation_text(facts: ValidationFacts) -> Printed:
    """One line if all specs are valid; else the problems on stderr."""
    if facts.problems:
        return Printed((), tuple(alike_lines(facts.problems)), prose=True)
    line = f"all specs are valid: {counted(facts.assets, 'asset')}" if facts.assets else NO_ASSETS
    return Printed((line,), tuple(caution_lines(facts.cautions)), prose=True)


def validation_json(facts: ValidationFacts) -> Printed:
    """The problems or the warnings for programs."""
    if facts.problems:
        return document({"valid": False, "problems": problems_json(facts.problems)})
    warnings = cautions_json(facts.cautions)
    return document({"valid": True, "assets": facts.assets, "problems": [], "warnings": warnings})


def error_text(error: ReconcilerError) -> Printed:
    """The end of a command that failed, for people."""
    return Printed((), tuple(str(error).split("\n")), prose=True)


def error_json(error: ReconcilerError) -> Printed:
    """The same for programs: an object with `problems`, as that of `validate`."""
    return document({"problems": _error_problems(error)})


def error_event(error: ReconcilerError) -> Printed:
    """The same as the last event of an apply."""
    return json_line({"event": "end", "problems": _error_problems(error)})


def _error_problems(error: ReconcilerError) -> list[dict[str, Any]]:
    if isinstance(error, InvalidInput):
        return problems_json(error.problems)
    return problems_json([Problem(Place(""), "", error.fact, error.hint)])


def problems_json(problems: Sequence[Problem]) -> list[dict[str, Any]]:
    """Problems for programs. `asset` is the first asset with a problem, `assets` the number of them."""
    return [
        {
            "file": problem.place.file or None,
            "line": problem.place.line,
            "column": problem.place.column,
            "field": problem.field,
            "fact": problem.fact,
            "hint": problem.hint,
            "asset": problem.asset or None,
            "assets": problem.others + 1 if problem.asset else 0,
        }
        for problem in problems
    ]
