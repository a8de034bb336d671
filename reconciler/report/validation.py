"""The report of `validate`, for people and for programs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from reconciler.core.cautions import Caution
from reconciler.core.errors import Problem
from reconciler.core.value import value
from reconciler.report.formats import Printed, counted, document
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
        return Printed((), tuple(map(str, facts.problems)))
    line = f"all specs are valid: {counted(facts.assets, 'asset')}" if facts.assets else NO_ASSETS
    return Printed((line,), tuple(caution_lines(facts.cautions)))


def validation_json(facts: ValidationFacts) -> Printed:
    """The problems or the warnings for programs."""
    if facts.problems:
        return document({"valid": False, "problems": _problems_json(facts.problems)})
    warnings = cautions_json(facts.cautions)
    return document({"valid": True, "assets": facts.assets, "problems": [], "warnings": warnings})


def _problems_json(problems: Sequence[Problem]) -> list[dict[str, Any]]:
    return [
        {
            "file": problem.place.file,
            "line": problem.place.line,
            "column": problem.place.column,
            "field": problem.field,
            "fact": problem.fact,
            "hint": problem.hint,
        }
        for problem in problems
    ]
