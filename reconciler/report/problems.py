"""The problems of specs and settings, for programs. People read `str(problem)`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from reconciler.core.errors import Problem


def problems_json(problems: Sequence[Problem]) -> list[dict[str, Any]]:
    """Each problem with its place."""
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
