"""Requests that a provider has accepted as text and as JSON: job, age and cost. Pure: the time is passed in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from reconciler.core.events import Waiting
from reconciler.core.money.cost import Cost, Total, parse_cost, total
from reconciler.core.text import printable
from reconciler.report.formats import counted
from reconciler.report.in_doubt import age


def waiting_reason(requests: Sequence[Waiting]) -> str:
    """The reason on one line, with absolute times."""
    if len(requests) == 1:
        (one,) = requests
        return f"waiting: {_job(one)}, submitted at {printable(one.requested.at)}; {_spent(one)}"
    return f"waiting: {len(requests)} accepted requests; {waiting_total(requests)} counted as spent"


WAITING_TITLE = "waiting: accepted by the provider, not collected yet"


def waiting_lines(requests: Sequence[Waiting], now: datetime) -> tuple[str, ...]:
    """One line for each request: job, age and price."""
    return tuple(
        f"{_job(one)}, submitted {age(one.requested.at, now)} ({printable(one.requested.at)}); {_spent(one)}"
        for one in requests
    )


def waiting_hint(requests: Sequence[Waiting], *, named: str = "") -> str:
    """The next commands. `named` stands for the assets of the requests."""
    names = named or " ".join(dict.fromkeys(printable(one.requested.asset) for one in requests))
    return f"`reconciler apply` collects it; `reconciler recover --forget {names}` drops it, with what it cost"


def waiting_costs(requests: Sequence[Waiting]) -> Mapping[str, Cost | None]:
    """What the requests cost, by attempt: the price of a batch is not that of an apply."""
    return {one.requested.attempt: parse_cost(one.requested.cost) for one in requests}


def waiting_total(requests: Sequence[Waiting]) -> Total:
    """The cost of all of them together."""
    return total(parse_cost(one.requested.cost) for one in requests)


def waiting_json(requests: Sequence[Waiting]) -> list[dict[str, Any]]:
    """The requests for programs."""
    return [
        {
            "asset": one.requested.asset,
            "attempt": one.requested.attempt,
            "at": one.requested.at,
            "cost": one.requested.cost or None,
            "provider": one.requested.provider,
            "recipe": one.requested.key,
            "job": one.accepted.job or None,
            **({"batch": one.batch} if one.batch else {}),
            **({"expires": one.accepted.expires} if one.accepted.expires else {}),
        }
        for one in requests
    ]


def waiting_list(requests: Sequence[Waiting], now: datetime) -> Iterator[str]:
    """A table of requests, for people: the asset, then its line of `waiting_lines`."""
    width = min(40, max((len(one.requested.asset) for one in requests), default=0))
    for one, line in zip(requests, waiting_lines(requests, now), strict=True):
        yield f"… {printable(one.requested.asset):<{width}}  {line}"


def going_on_lines(requests: Sequence[Waiting]) -> Iterator[str]:
    """The jobs that a run leaves, by provider: `3 jobs go on at fal; the next apply collects them`."""
    names = [printable(one.requested.provider) for one in requests]
    for name in dict.fromkeys(names):
        count = names.count(name)
        verb, them = ("goes", "it") if count == 1 else ("go", "them")
        yield f"{counted(count, 'job')} {verb} on at {name}; the next apply collects {them}"


def _job(one: Waiting) -> str:
    provider = printable(one.requested.provider)
    if one.batch:
        return f"batch {printable(one.batch)} at {provider}"
    return f"job {printable(one.accepted.job)} at {provider}"


def _spent(one: Waiting) -> str:
    cost = one.requested.cost
    return f"{printable(cost)} counted as spent" if cost else "at an unknown price"
