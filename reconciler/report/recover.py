"""`reconciler recover`: the requests without an end, those in doubt and those that a provider has accepted."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from reconciler.core.events import Requested, Waiting
from reconciler.core.value import value
from reconciler.report.formats import Printed, counted, document
from reconciler.report.in_doubt import in_doubt_json, in_doubt_list, in_doubt_total
from reconciler.report.waiting import waiting_json, waiting_list, waiting_total

_HINT = (
    "  hint: check the provider's bill; then `reconciler apply --retry-in-doubt` requests the image again,\n"
    "        `reconciler adopt ID` locks a file that you have, `reconciler recover --forget ID` drops the request"
)
_WAITING_HINT = "  hint: `reconciler apply` collects accepted requests; `reconciler recover --forget ID` drops one"


@value
class UnendedFacts:
    """Requests without a recorded end, at a point in time; `waiting` are those that a provider has accepted."""

    in_doubt: tuple[Requested, ...]
    waiting: tuple[Waiting, ...]
    now: datetime


def recover_text(facts: UnendedFacts) -> Printed:
    """The tables and their sums for people."""
    hints = [_HINT] * bool(facts.in_doubt) + [_WAITING_HINT] * bool(facts.waiting)
    return Printed((*_doubts(facts), *_waiting(facts)), hint="\n".join(hints))


def _doubts(facts: UnendedFacts) -> Iterator[str]:
    requests = facts.in_doubt
    yield from in_doubt_list(requests, facts.now)
    if requests:
        yield f"{counted(len(requests), 'request')} in doubt; possible cost: {in_doubt_total(requests)}"
    elif not facts.waiting:
        yield "no request is in doubt"


def _waiting(facts: UnendedFacts) -> Iterator[str]:
    yield from waiting_list(facts.waiting, facts.now)
    if facts.waiting:
        yield f"{counted(len(facts.waiting), 'request')} accepted; counted as spent: {waiting_total(facts.waiting)}"


def recover_json(facts: UnendedFacts) -> Printed:
    """The requests and their sum for programs."""
    cost = in_doubt_total(facts.in_doubt)
    sums = {"amounts": [str(each) for each in cost.amounts], "unknown": cost.unknown}
    waiting = {"waiting": waiting_json(facts.waiting)} if facts.waiting else {}
    return document({"in_doubt": in_doubt_json(facts.in_doubt), "may_have_cost": sums, **waiting})
