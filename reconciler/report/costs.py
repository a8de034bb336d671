"""The costs of images, for people and for programs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from reconciler.core.digest import AssetId
from reconciler.core.events import Requested, Waiting
from reconciler.core.lock.lockfile import Answer
from reconciler.core.money.cost import Total, parse_cost, total
from reconciler.core.money.totals import Row, Sum
from reconciler.core.text import one_line, printable
from reconciler.core.value import value
from reconciler.report.formats import Printed, counted, document
from reconciler.report.waiting import waiting_json

_WIDTH = 80


@value
class CostFacts:
    """The sum over everything, the sums of each grouping by its name, and what is in no sum: the requests in doubt, the
    answers without an image here, and the requests that a provider has accepted."""

    everything: Row
    by: Mapping[str, Sequence[Row]]
    in_doubt: tuple[Requested, ...]
    answered: Mapping[AssetId, Answer]
    waiting: tuple[Waiting, ...] = ()


def costs_text(facts: CostFacts) -> Printed:
    """The table of sums, for people."""
    return Printed(tuple(_lines(facts)))


def costs_json(facts: CostFacts) -> Printed:
    """The sums for programs."""
    return document(_document(facts))


def _lines(facts: CostFacts) -> Iterator[str]:
    everything, by, in_doubt = facts.everything, facts.by, facts.in_doubt
    now, once = everything.locked, everything.ever
    if (
        not in_doubt
        and not facts.answered
        and not facts.waiting
        and not any((now.paid, now.drafts, now.brought, once.paid))
    ):
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
    if facts.waiting:
        yield ""
        cost = total(parse_cost(one.requested.cost) for one in facts.waiting)
        yield f"waiting: {counted(len(facts.waiting), 'accepted request')}, {cost} counted as spent"
    if facts.answered:
        yield ""
        costs = [cost for answer in facts.answered.values() for cost in answer.costs]
        cost = total(map(parse_cost, costs))
        yield f"answered without an image to lock: {counted(len(costs), 'request')} that may have cost {cost}"
        for asset, answer in sorted(facts.answered.items()):
            words = one_line(answer.message, _WIDTH)
            its = total(map(parse_cost, answer.costs))
            yield printable(f"  {asset}  {answer.kind.value}  {answer.at}  {its}  {words}")


def _cells(row: Row, *, indent: str = "") -> tuple[str, ...]:
    sums = (cell for each in (row.locked, row.ever) for cell in (str(each.cost), counted(each.paid, "image")))
    return (indent + printable(row.name), *sums)


def _possible_cost(in_doubt: Sequence[Requested]) -> Total:
    return total(parse_cost(one.cost) for one in in_doubt)


def _document(facts: CostFacts) -> dict[str, Any]:
    everything, by, in_doubt = facts.everything, facts.by, facts.in_doubt
    answers = [
        {"asset": asset, "outcome": answer.kind.value, "at": answer.at, "may_have_cost": cost or None}
        for asset, answer in sorted(facts.answered.items())
        for cost in answer.costs
    ]
    answered_cost = total(parse_cost(cost) for answer in facts.answered.values() for cost in answer.costs)
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
        **({"waiting": {"requests": waiting_json(facts.waiting)}} if facts.waiting else {}),
        "answered": {"requests": answers, "may_have_cost": _total_json(answered_cost)},
    }


def _sum_json(each: Sum) -> dict[str, Any]:
    return {"images": each.paid, **_total_json(each.cost), "drafts": each.drafts, "brought": each.brought}


def _total_json(cost: Total) -> dict[str, Any]:
    return {"amounts": [str(one) for one in cost.amounts if one.amount], "unknown": cost.unknown}
