"""Warnings about specs and models. They never make an asset stale."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice

from reconciler.core.errors import Place
from reconciler.core.value import value

MAX_CAUTIONS = 50
"""The most warnings of one command."""


@value
class Caution:
    """One warning, and the number of assets that it concerns (0: it concerns a file).

    `model` is set if it is about a model, `place` and `field` if it is about something written in a file.
    """

    message: str
    assets: int = 0
    model: str = ""
    place: Place | None = None
    field: str = ""
    hint: str = ""

    @property
    def passed_over(self) -> bool:
        """Whether it says that a file is not read. `check` says so, too."""
        return self.place is not None and not self.assets


def first_cautions(found: Iterable[Caution]) -> tuple[Caution, ...]:
    """The warnings that are shown; where there are more, the last one says so. The others are not computed."""
    first = tuple(islice(found, MAX_CAUTIONS + 1))
    if len(first) <= MAX_CAUTIONS:
        return first
    return (*first[: MAX_CAUTIONS - 1], Caution("there are more warnings, which are not shown"))
