"""Images that other checkouts of a team have claimed, as text and as JSON: who makes them, since when. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from reconciler.core.plan.actions import ClaimedElsewhere
from reconciler.core.text import printable
from reconciler.report.formats import counted
from reconciler.report.in_doubt import age, request_json

TYPE_CHECKING = False
if TYPE_CHECKING:  # few projects have a team
    from reconciler.core.team.claim import Claim


def claimed_title(reason: ClaimedElsewhere) -> str:
    """The short reason, above one line for each claim."""
    return "another checkout has submitted it in a batch" if reason.in_batch else "another checkout is making it"


def claimed_reason(reason: ClaimedElsewhere) -> str:
    """The reason on one line, with absolute times."""
    first = reason.claims[0]
    return f"{claimed_title(reason)}: {_who(first)} asked {printable(first.provider)} at {printable(first.at)}"


def claimed_lines(reason: ClaimedElsewhere, now: datetime) -> tuple[str, ...]:
    """One line for each claim: who, where, since when."""
    return tuple(
        f"{_who(one)} asked {printable(one.provider)} {age(one.at, now)} ({printable(one.at)}){_paid(one)}"
        for one in reason.claims
    )


def claimed_hint(reason: ClaimedElsewhere) -> str:
    """The next commands."""
    if reason.in_batch:
        return "once that checkout has collected it, `reconciler apply` takes it for nothing"
    return "`reconciler apply` waits for it, and takes it for nothing; `reconciler fetch` asks whether it is there"


def claims_line(claims: Sequence[Claim], now: datetime) -> str:
    """Many claims in one line: `12 claims by ci-771 (ana@acme), the first of them 2 minutes ago`."""
    names = list(dict.fromkeys(map(_who, claims)))
    who = ", ".join(names[:3]) + (" and others" if len(names) > 3 else "")
    return f"{counted(len(claims), 'claim')} by {who}, the first of them {age(min(one.at for one in claims), now)}"


def claimed_json(reason: ClaimedElsewhere) -> list[dict[str, Any]]:
    """The claims for programs."""
    return [
        {**request_json(one), "by": one.owner, **({"batch": True} if one.in_batch else {})} for one in reason.claims
    ]


def _who(one: Claim) -> str:
    return printable(one.owner)


def _paid(one: Claim) -> str:
    return f", and pays {printable(one.cost)}" if one.cost else ""
