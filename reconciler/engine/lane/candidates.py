"""Request several pictures of one asset: one call each, with its own budget reservation, record and limits."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path

from reconciler.core.digest import ContentHash, RecipeKey
from reconciler.core.errors import DiskError
from reconciler.core.events import Noted
from reconciler.core.money.cost import Cost, total
from reconciler.core.outcome import BadOutput, Done, InDoubt, Mismatched, NotSent, Outcome, Refused, Running, Stop
from reconciler.core.ports import ImageRequest, Log, OnResponse, Provider, StoredImage, ignore_response
from reconciler.core.value import replace
from reconciler.engine.report import outcome_title

_INFORMATIVE = (Done, InDoubt, Running, Mismatched, Refused, BadOutput)
"""The outcome of several calls is the first of these kinds that occurs among theirs."""


class CandidateProvider:
    """A Provider that makes `count` calls and returns the first picture, with the price of all pictures.

    The others are in the store under the same recipe. The first picture is the one that the store lists first, by
    `recall`: calls that end at once may be recorded in another order than they are answered here. A call without a
    picture is reported as progress when it ends; `shown` is a path as that message shows it.
    """

    def __init__(
        self,
        inner: Provider,
        *,
        count: int,
        progress: Log,
        recall: Callable[[RecipeKey], Sequence[StoredImage]],
        shown: Callable[[Path], str] = str,
    ) -> None:
        self._inner = inner
        self._recall = recall
        self._count = count
        self._progress = progress
        self._shown = shown

    async def generate(self, request: ImageRequest, *, on_response: OnResponse = ignore_response) -> Outcome:
        """Raises the error of a call, once all calls have ended."""
        outcomes: list[Outcome] = []  # in the order in which the calls end

        async def call(number: int) -> None:
            outcome = await self._inner.generate(request, on_response=on_response)
            outcomes.append(outcome)
            self._report(request, number, outcome)

        calls = (call(number) for number in range(1, self._count + 1))
        landed = await asyncio.gather(*calls, return_exceptions=True)
        refused = [error for error in landed if isinstance(error, DiskError)]
        if refused:  # each message may name a file that holds a paid image
            raise DiskError("; ".join(dict.fromkeys(error.fact for error in refused)), hint=refused[0].hint)
        for failed in landed:
            if failed is not None:
                raise failed
        listed = [image.content for image in await asyncio.to_thread(self._recall, request.key)]
        return _one_of(sorted(outcomes, key=lambda outcome: _place(outcome, listed)))

    def _report(self, request: ImageRequest, number: int, outcome: Outcome) -> None:
        if isinstance(outcome, Done) or (isinstance(outcome, NotSent) and outcome.stop is Stop.INTERRUPTED):
            return
        bad = outcome.kept if isinstance(outcome, BadOutput) else None
        kept = f"; its bytes are in {self._shown(bad.path)}" if bad else ""
        how = outcome_title(outcome)
        message = outcome.message if outcome.message.startswith(how) else f"{how}: {outcome.message}"
        self._progress.record(Noted(request.asset, f"candidate {number} of {self._count}: {message}{kept}"))


def _place(outcome: Outcome, listed: Sequence[ContentHash]) -> int:
    """The place of a picture in the list of the store; behind it, what is no picture of the list."""
    content = outcome.spooled.content if isinstance(outcome, Done) else None
    return listed.index(content) if content in listed else len(listed)


def _one_of(outcomes: Sequence[Outcome]) -> Outcome:
    for kind in _INFORMATIVE:
        found = next((outcome for outcome in outcomes if isinstance(outcome, kind)), None)
        if isinstance(found, Done):
            return replace(found, cost=_sum([outcome for outcome in outcomes if isinstance(outcome, Done)]))
        if found is not None:
            return found
    return outcomes[0]


def _sum(done: Sequence[Done]) -> Cost | None:
    """The price of all calls; None if one of them is unknown."""
    sums = total(each.cost for each in done)
    return sums.amounts[0] if len(sums.amounts) == 1 and not sums.unknown else None
