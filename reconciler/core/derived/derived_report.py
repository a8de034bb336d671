"""The result of a run that derives files, as a value."""

from __future__ import annotations

from reconciler.core.derived.work import DeriveFailure
from reconciler.core.value import value


@value
class DerivedReport:
    """What a run did. `failures` are the sets that were not made, and why. `conflicts` are paths that were left alone.

    `ignore` are lines that belong in a .gitignore of the user's own. `left` are units that an interruption left.
    """

    made: int = 0
    restored: int = 0
    removed: int = 0
    failures: tuple[tuple[str, DeriveFailure], ...] = ()
    conflicts: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    left: int = 0
