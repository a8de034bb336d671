"""The output path of a rule: text with `${…}` that is filled in for each file. Nothing is executed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from reconciler.core.errors import Problem
from reconciler.core.specs.document import Document, Path
from reconciler.core.value import value

VARIABLES = ("id", "name", "rule", "width", "at", "density", "format", "ext", "key8")
_VARIABLE = re.compile(r"\$(?:\$|\{([^}]*)(\})?)")
ANY_KEY = "00000000"
"""Stands for `${key8}` where the key is unknown: the name of a file depends on a picture that is not made yet."""


@value
class Template:
    """Literal texts and, between them, the names of variables: one literal more than names."""

    literals: tuple[str, ...]
    names: tuple[str, ...]

    def filled(self, values: Mapping[str, str]) -> str:
        """The text with these values."""
        pieces = [self.literals[0]]
        for name, literal in zip(self.names, self.literals[1:], strict=True):
            pieces += (values[name], literal)
        return "".join(pieces)

    def uses(self, name: str) -> bool:
        return name in self.names


def read_template(text: str, document: Document, path: Path) -> tuple[Template, tuple[Problem, ...]]:
    """The template that a text is, and its problems."""
    literals, names = [""], []
    problems: list[Problem] = []
    end = 0
    for match in _VARIABLE.finditer(text):
        literals[-1] += text[end : match.start()]
        end = match.end()
        name = match[1]
        if name is None:
            literals[-1] += "$"
        elif match[2] is None:
            problems.append(document.problem(path, "${ is never closed", "write } after the name"))
        elif name not in VARIABLES:
            fact = f"no variable is called ${{{name}}} here"
            problems.append(document.unknown(path, fact, name, VARIABLES, f"known: {_listed(VARIABLES)}"))
        else:
            names.append(name)
            literals.append("")
    literals[-1] += text[end:]
    return Template(tuple(literals), tuple(names)), tuple(problems[:20])


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f"${{{name}}}" for name in names)
