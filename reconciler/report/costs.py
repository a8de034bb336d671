"""The costs of images, for people and for programs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from reconciler.core.events import Requested
from reconciler.core.money.cost import Total, parse_cost, total
from reconciler.core.money.totals import Row, Sum
from reconciler.core.text import printable
from reconciler.core.value import value
from reconciler.report.formats import Printed, counted, document


@value
class CostFacts:
    """The sum over everything, the sums of each grouping by its name, and the requests in doubt, in no sum."""

    everything: Row
    by: Mapping[str, Sequence[Row]]
    in_doubt: tuple[Requested, ...]


def costs_text(facts: CostFacts) -> Printed:
    """The table of sums, for people."""
    return Printed(tuple(_lines(facts.everything, facts.by, facts.in_doubt)))


def costs_json(facts: CostFacts) -> Printed:
    """The sums for programs."""
    return document(_document(facts.everything, facts.by, facts.in_doubt))


def _lines(everything: Row, by: Mapping[str, Sequence[Row]], in_doubt: Sequence[Requested]) -> Iterator[str]:
    now, once = everything.locked, everything.ever
    if not in_doubt and not any((now.paid, now.drafts, now.brought, once.paid)):
        yield "no image is locked, and none was paid for"
        return
    table = [("", "LOCKED NOW", "", "GENERATED IN THIS CHECKOUT", ""), _cells(everything)]
    for name, rows in by.items():
        table += [("",) * 5, (f"by {name}", "", "", "", ""), *(_cells(row, indent="  ") for row in rows)]
    widths = [max(len(row[column]) for row in table) for column in range(5)]
    for row in table:
        yield "  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip()
    free = [(now.drafts, "free draft"), (now.brought, "adopted image")]
    if any(count for count, _ in free):
        yield ""
        yield f"also locked: {' and '.join(counted(count, noun) for count, noun in free if count)}"
    if in_doubt:
        yield ""
        yield f"in doubt: {counted(len(in_doubt), 'request')} that may have cost {_possible_cost(in_doubt)}"
        for one in in_doubt:
            yield printable(f"  {one.asset}  {one.provider}  {one.at}  {one.cost or 'price unknown'}")
        yield "  hint: check the provider's bill; `reconciler plan` shows the options"


def _cells(row: Row, *, indent: str = "") -> tuple[str, ...]:
    sums = (cell for each in (row.locked, row.ever) for cell in (str(each.cost), counted(each.paid, "image")))
    return (indent + printable(row.name), *sums)


def _possible_cost(in_doubt: Sequence[Requested]) -> Total:
    return total(parse_cost(one.cost) for one in in_doubt)


def _document(everything: Row, by: Mapping[str, Sequence[Row]], in_doubt: Sequence[Requested]) -> dict[str, Any]:
    requests = [
        {"asset": one.asset, "provider": one.provider, "at": one.at, "may_have_cost": one.cost or None}
        for one in in_doubt
    ]
    return {
        "costs": 1,
        "locked": _sum_json(everything.locked),
        "ever": _sum_json(everything.ever),
        "by": {
            name: [{"name": row.name, "locked": _sum_json(row.locked), "ever": _sum_json(row.ever)} for row in rows]
            for name, rows in by.items()
        },
        "in_doubt": {"requests": requests, "may_have_cost": _total_json(_possible_cost(in_doubt))},
    }


def _sum_json(each: Sum) -> dict[str, Any]:
    return {"images": each.paid, **_total_json(each.cost), "drafts": each.drafts, "brought": each.brought}


def _total_json(cost: Total) -> dict[str, Any]:
    return {"amounts": [str(one) for one in cost.amounts if one.amount], "unknown": cost.unknown}
