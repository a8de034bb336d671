"""Which faults the suite tries on which route of an API: a slice of all pairs, which mostly take the same code path.

`make faults` tries every fault on every route.
"""

from __future__ import annotations

import os

from reconciler.testing.gateway import faults

ROUTES = (
    ("gravitex", "images"),
    ("gravitex", "native"),
    ("gemini", "native"),
    ("openai", "images"),
    ("local", "images"),
)
EACH = 2
"""Routes on which each fault is tried."""


def faults_on(dialect: str, route: str) -> tuple[str, ...]:
    """Every fault is on two routes, and on each where its outcome is another than in the table; every outcome is on
    every route."""
    if os.environ.get("RECONCILER_ALL_FAULTS"):
        return tuple(faults.EXPECTED)
    turn, tried = ROUTES.index((dialect, route)), set[str]()
    chosen = []
    for number, (fault, usual) in enumerate(faults.EXPECTED.items()):
        outcome = faults.expected(fault, dialect, route)
        if (number + turn) % len(ROUTES) < EACH or outcome != usual or outcome not in tried:
            tried.add(outcome)
            chosen.append(fault)
    return tuple(chosen)
