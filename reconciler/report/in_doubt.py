"""Requests in doubt as text and as JSON: provider, age and possible cost. Pure: the time is passed in."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from reconciler.core.digest import RecipeKey
from reconciler.core.events import Requested
from reconciler.core.money.cost import Total, parse_cost, total
from reconciler.core.text import printable

_UNITS = (("day", 86_400), ("hour", 3_600), ("minute", 60), ("second", 1))


TYPE_CHECKING = False
if TYPE_CHECKING:  # few projects have a team
    from reconciler.core.team.claim import Claim


def in_doubt_reason(requests: Sequence[Requested]) -> str:
    """The reason on one line, with absolute times."""
    if len(requests) == 1:
        (one,) = requests
        sent = f"requested from {printable(one.provider)} at {printable(one.at)}{_by(one)}"
        got = f"accepted as {_lost(one)}" if one.lost_job else "no response received"
        return f"in doubt: {sent}, {got}; {_may(one)}"
    return f"in doubt: {len(requests)} requests without a response; they may have cost {in_doubt_total(requests)}"


def in_doubt_title(requests: Sequence[Requested], *, locked: RecipeKey | None) -> str:
    """The short reason, above one line for each request. `locked` is the recipe of the locked image."""
    if requests and all(one.lost_job for one in requests):
        return "in doubt: accepted by the provider, which does not know the job any more"
    if any(one.key == locked for one in requests):
        return "in doubt: an image is locked, but another request for it has no response"
    return "in doubt: requested, no response received"


def in_doubt_lines(requests: Sequence[Requested], now: datetime) -> tuple[str, ...]:
    """One line for each request: provider, age and price."""
    return tuple(
        f"requested from {printable(one.provider)} {age(one.at, now)} ({printable(one.at)}){_by(one)}"
        f"{f', accepted as {_lost(one)}' if one.lost_job else ''}; {_may(one)}"
        for one in requests
    )


def in_doubt_hint(requests: Sequence[Requested], *, retried: str, named: str = "") -> str:
    """The next commands. `retried` is the asset that a new request would be for; "" if none can be sent. `named` stands
    for the assets of the requests."""
    names = named or " ".join(dict.fromkeys(printable(one.asset) for one in requests))
    forget = f"`reconciler recover --forget {names}` drops the request"
    retry = f"`reconciler apply {retried} --retry-in-doubt` requests it again, " if retried else ""
    return f"check the provider's bill; {retry}{forget}"


def in_doubt_total(requests: Sequence[Requested]) -> Total:
    """The possible cost of all of them together."""
    return total(parse_cost(one.cost) for one in requests)


def in_doubt_json(requests: Sequence[Requested]) -> list[dict[str, Any]]:
    """The requests for programs."""
    return [
        {
            **request_json(one),
            **({"by": one.by} if one.by else {}),
            **({"lost_job": one.lost_job} if one.lost_job else {}),
        }
        for one in requests
    ]


def request_json(one: Requested | Claim) -> dict[str, Any]:
    """What a request and the claim of one have in common."""
    return {
        "asset": one.asset,
        "attempt": one.attempt,
        "at": one.at,
        "cost": one.cost or None,
        "provider": one.provider,
        "recipe": one.key,
    }


def in_doubt_list(requests: Sequence[Requested], now: datetime) -> Iterator[str]:
    """A table of requests, for people: the asset, then its line of `in_doubt_lines`."""
    width = min(40, max((len(one.asset) for one in requests), default=0))
    for one, line in zip(requests, in_doubt_lines(requests, now), strict=True):
        yield f"? {printable(one.asset):<{width}}  {line}"


def age(at: str, now: datetime) -> str:
    """`12 minutes ago`. The unit is the largest that fits; a time that cannot be read is `at an unknown time`."""
    try:
        seconds = (now - datetime.fromisoformat(at)).total_seconds()
    except (ValueError, TypeError):
        return "at an unknown time"
    for unit, size in _UNITS:
        if seconds >= size:
            count = int(seconds // size)
            return f"{count} {unit}{'' if count == 1 else 's'} ago"
    return "just now" if seconds >= 0 else "in the future, by this machine's clock"


def _by(one: Requested) -> str:
    return f", asked by {printable(one.by)}" if one.by else ""


def _lost(one: Requested) -> str:
    return f"job {printable(one.lost_job)}, which it does not know any more"


def _may(one: Requested) -> str:
    return f"it may have cost {printable(one.cost)}" if one.cost else "it may have cost an unknown price"
