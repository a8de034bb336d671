"""The report of `plan --against`: what a branch will cost, what its commits have paid, and what is free."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from reconciler.core.digest import AssetId
from reconciler.core.lock.entry import LockEntry
from reconciler.core.money.cost import Cost, Total, parse_cost, total
from reconciler.core.plan.compare import Compared, not_generated
from reconciler.core.plan.plan import Plan
from reconciler.core.recipe import Change
from reconciler.core.text import printable
from reconciler.core.value import value
from reconciler.report.formats import Printed, counted, document
from reconciler.report.plan_json import step_json
from reconciler.report.plan_text import plan_total
from reconciler.report.plan_view import Verbosity, drift_lines

_NAMED = 20
"""The most assets without a step that are named."""


@value
class AgainstFacts:
    """The differences to the commit `commit`, which is the merge base with `name`.

    `plan` are the steps to pay for, `made` the entries of the images that were made since, `present` all assets.
    """

    name: str
    commit: str
    compared: Compared
    plan: Plan
    made: tuple[tuple[AssetId, LockEntry], ...]
    now: datetime
    present: int = 0
    broken: int = 0
    verbosity: Verbosity = Verbosity.NORMAL


def against_text(facts: AgainstFacts) -> Printed:
    """The steps to pay for, and the sums."""
    steps = facts.plan.steps if facts.verbosity is not Verbosity.QUIET else ()
    lines = [*drift_lines(steps, facts.now, facts.verbosity), *([""] if steps else [])]
    if facts.verbosity is not Verbosity.QUIET:
        lines += _kept_lines(facts)
    removed = facts.compared.removed
    if removed and facts.verbosity is Verbosity.VERBOSE:
        lines += [*(f"- {printable(asset)}  removed" for asset in removed), ""]
    place = f"{facts.commit[:7]} (merge base with {printable(facts.name)})"
    lines.append(f"against {place}: {against_line(facts)}")
    return Printed(tuple(lines), tuple(_warnings(facts)), prose=True)


def _kept_lines(facts: AgainstFacts) -> list[str]:
    """A line for each asset that differs and generates nothing."""
    kept = not_generated(facts.compared, facts.plan)
    most = len(kept) if facts.verbosity is Verbosity.VERBOSE else _NAMED
    lines = [f"= {printable(asset)}  {_difference(fields)}" for asset, fields in list(kept.items())[:most]]
    if len(kept) > most:
        lines.append(f"  and {counted(len(kept) - most, 'asset')} more: --verbose names them")
    return [*lines, ""] if lines else []


def _difference(fields: Sequence[Change]) -> str:
    """`prompt changed; no image is generated for it`."""
    names = ", ".join(printable(each.field) for each in fields)
    return f"{names} changed; no image is generated for it" if names else "new; no image is generated for it"


def against_json(facts: AgainstFacts) -> Printed:
    """The same for programs."""
    compared = facts.compared
    paid = paid_total(facts.made)
    return document(
        {
            "against": 1,
            "commit": facts.commit,
            "steps": [step_json(step) for step in facts.plan.steps],
            "cost": _sum_json(plan_total(facts.plan)),
            "made": [
                {"asset": asset, "output": entry.output, "cost": entry.made.cost or None} for asset, entry in facts.made
            ],
            "paid": _sum_json(paid),
            "added": list(compared.added),
            "changed": {
                asset: [{"field": each.field, "before": each.before, "after": each.after} for each in fields]
                for asset, fields in compared.changed.items()
            },
            "renamed": [{"from": old, "to": new} for old, new in compared.renamed],
            "touched": list(compared.touched),
            "removed": list(compared.removed),
            "due": list(compared.due),
            "invalid_files": facts.broken,
        }
    )


def against_line(facts: AgainstFacts) -> str:
    """`2 to pay (0.173 USD); 3 were paid in these commits (0.117 USD); 5 renamed, 41 touched …; 1 removed`."""
    compared = facts.compared
    count = len(facts.plan.steps)
    parts = [f"{count:,} to pay ({plan_total(facts.plan)})" if count else "nothing to pay"]
    if facts.made:
        verb = "was" if len(facts.made) == 1 else "were"
        parts.append(f"{len(facts.made):,} {verb} made in these commits ({paid_total(facts.made)})")
    same = [
        text
        for number, text in (
            (len(compared.renamed), f"{len(compared.renamed):,} renamed"),
            (len(compared.touched), f"{len(compared.touched):,} touched"),
        )
        if number
    ]
    if same:
        number = len(compared.renamed) + len(compared.touched)
        parts.append(f"{', '.join(same)}, {'all of them' if number > 1 else 'with'} the same recipe (free)")
    if kept := len(not_generated(compared, facts.plan)):
        parts.append(f"{kept:,} changed without a new image")
    if compared.removed:
        parts.append(f"{len(compared.removed):,} removed")
    due = [asset for asset in compared.due if asset not in compared.drafted]
    if due:
        parts.append(f"{counted(len(due), 'asset')} had no image for the recipe before, either")
    if not (compared.differs or same or facts.made):
        parts.append(f"no recipe differs: {counted(facts.present, 'asset')}")
    return "; ".join(parts)


def paid_total(made: Sequence[tuple[AssetId, LockEntry]]) -> Total:
    """The cost of images that were made."""
    return total(_paid(entry) for _, entry in made)


def _paid(entry: LockEntry) -> Cost | None:
    """What an image has cost; 0 for one that no provider made."""
    return parse_cost(entry.made.cost) if not entry.made.by_hand else parse_cost("0 USD")


def _sum_json(found: Total) -> dict[str, Any]:
    return {"amounts": [str(cost) for cost in found.amounts if cost.amount], "unknown": found.unknown}


def _warnings(facts: AgainstFacts) -> Iterator[str]:
    if facts.broken:
        files = counted(facts.broken, "file")
        yield f"warning: {files} of the commit to compare with cannot be read: their assets count as new"
