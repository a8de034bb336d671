"""Images that other checkouts of a team have claimed, as text: who makes them, since when. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from reconciler.core.events import Requested
from reconciler.core.text import printable
from reconciler.report.formats import counted
from reconciler.report.in_doubt import age

CLAIMED_TITLE = "another checkout is making it"
CLAIMED_HINT = "`reconciler apply` waits for it, and takes it for nothing; `reconciler fetch` asks whether it is there"


def claimed_reason(requests: Sequence[Requested]) -> str:
    """The reason on one line, with absolute times."""
    first = requests[0]
    return f"{CLAIMED_TITLE}: {_who(first)} asked {printable(first.provider)} at {printable(first.at)}"


def claimed_lines(requests: Sequence[Requested], now: datetime) -> tuple[str, ...]:
    """One line for each claim: who, where, since when."""
    return tuple(
        f"{_who(one)} asked {printable(one.provider)} {age(one.at, now)} ({printable(one.at)}){_paid(one)}"
        for one in requests
    )


def claims_line(requests: Sequence[Requested], now: datetime) -> str:
    """Many claims in one line: `12 claims by ci-771 (ana@acme), the first of them 2 minutes ago`."""
    names = dict.fromkeys(map(_who, requests))
    first = min(one.at for one in requests)
    who = ", ".join(list(names)[:3]) + (" and others" if len(names) > 3 else "")
    return f"{counted(len(requests), 'claim')} by {who}, the first of them {age(first, now)}"


def _who(one: Requested) -> str:
    return printable(one.by) or "another checkout"


def _paid(one: Requested) -> str:
    return f", and pays {printable(one.cost)}" if one.cost else ""
