"""Tell a limit that no wait of seconds ends, a limit of 0 or of a day, from a limit for a minute."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from reconciler.core.digest import Json
from reconciler.core.value import value
from reconciler.providers.responses.api_error import ApiError, details_of
from reconciler.providers.responses.reply import JsonReply, Reply

_NONE = "its limit is 0: this account has none, so no wait helps"
_DAILY = "the quota of the day is used up: come back when it is renewed"
_LONGER = "the quota of the month is used up: come back when it is renewed"
_ZERO = re.compile(r"(?i)\blimit['\"]?\s*[:=]?\s*0(?![0-9.])")
_DAY = re.compile(r"(?i)per[ _-]?day|daily|\b(?:RPD|TPD|IPD)\b|/\s?day\b|每天|每日")
_MONTH = re.compile(r"(?i)per[ _-]?month|monthly")
_MODEL = re.compile(r"(?i)per[ _-]?model")


@value
class LongLimit:
    """A limit that holds for the rest of the run. `later` says why; `of_model`: it is the limit of one model."""

    later: str
    of_model: bool


def limit_of(reply: Reply, fault: ApiError) -> LongLimit | None:
    """The limit that a 429 names, if it is 0 or longer than an hour. Quotas that are listed one by one decide, since a
    message may name several; else the codes and the message."""
    quotas = tuple(_quotas(reply))
    text = " ".join(f"{name} {metric}" for name, metric, _ in quotas) or " ".join((*fault.codes, fault.message))
    of_model = bool(_MODEL.search(text))
    if any(limit == "0" for _, _, limit in quotas) or _ZERO.search(fault.message):
        return LongLimit(_NONE, of_model)
    if _DAY.search(text):
        return LongLimit(_DAILY, of_model)
    return LongLimit(_LONGER, of_model) if _MONTH.search(text) else None


def _quotas(reply: Reply) -> Iterator[tuple[str, str, str]]:
    """The id, the metric and the limit of each quota that Google's error lists."""
    for detail in details_of(reply.body.value) if isinstance(reply.body, JsonReply) else ():
        violations = detail.get("violations")
        for one in violations if isinstance(violations, list) else ():
            if isinstance(one, Mapping):
                yield _text(one.get("quotaId")), _text(one.get("quotaMetric")), _text(one.get("quotaValue"))


def _text(value: Json) -> str:
    return str(value) if isinstance(value, str | int) else ""
