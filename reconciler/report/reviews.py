"""Which images are approved, rejected and open, as text and as JSON. Pure: values in, lines out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from reconciler.core.digest import AssetId, ContentHash
from reconciler.core.reviews.verdict import Judgement, Verdict
from reconciler.core.reviews.verdicts import ReviewState, Standing
from reconciler.core.text import one_line, printable
from reconciler.core.value import value
from reconciler.report.formats import Printed, counted, document

_ID_WIDTH = 40
_WIDTH = 100
_VERBS = {Judgement.APPROVE: "approved", Judgement.REJECT: "rejected"}


@value
class ReviewedAsset:
    """An asset with the result of the reviews of its locked image. `content` None: nothing is locked. `required`: the
    rules want it approved. `minimum` is the number of approvals that it needs."""

    asset: AssetId
    output: str
    content: ContentHash | None
    standing: Standing
    required: bool
    minimum: int = 1

    @property
    def state(self) -> str:
        """`approved`, `rejected`, `open`, or `unlocked` for an asset without an image."""
        return "unlocked" if self.content is None else self.standing.state.value


def reviews_text(facts: Sequence[ReviewedAsset]) -> Printed:
    """One line for each asset, the notes below it; then the totals."""
    width = min(_ID_WIDTH, max((len(printable(one.asset)) for one in facts), default=0))
    lines: list[str] = []
    for one in facts:
        words = standing_words(one.standing, minimum=one.minimum)
        tail = "" if one.required else "  (not required)"
        lines.append(f"{one.state:<8}  {printable(one.asset):<{width}}  {words}{tail}".rstrip())
        lines += (f"          {line}" for line in _below(one.standing))
    counts = Counter(one.state for one in facts)
    sums = ", ".join(f"{counts[name]} {name}" for name in ("approved", "rejected", "open", "unlocked") if counts[name])
    return Printed((*lines, f"{counted(len(facts), 'asset')}: {sums}" if facts else "no assets"))


def reviews_json(facts: Sequence[ReviewedAsset]) -> Printed:
    """The same for programs."""
    return document({"reviews": 1, "assets": [_asset_json(one) for one in facts]})


def standing_words(standing: Standing, *, minimum: int = 1) -> str:
    """`approved by ada@example.com on 2026-11-27`; "" if nobody has judged."""
    latest = standing.latest
    if latest is None:
        return ""
    verb = _VERBS[latest.judgement]
    names = ", ".join(printable(each.by) for each in standing.verdicts)
    words = f"{verb} by {names} on {latest.at[:10]}"
    if standing.state is ReviewState.OPEN:
        words += f", {len(standing.verdicts)} of {minimum} approvals"
    if latest.judgement is Judgement.REJECT and latest.note:
        words += f": {one_line(latest.note, _WIDTH)}"
    return words


def standing_json(standing: Standing) -> dict[str, Any]:
    """The result of the reviews of one image for programs."""
    return {
        "state": standing.state.value,
        "verdicts": [verdict_json(each) for each in standing.verdicts],
        "notes": [verdict_json(each) for each in standing.notes],
        "uncounted": [verdict_json(each) | {"why": why} for each, why in standing.uncounted],
    }


def verdict_json(verdict: Verdict) -> dict[str, Any]:
    """One verdict for programs."""
    return {
        "verdict": verdict.judgement.value,
        "by": verdict.by,
        "at": verdict.at,
        "note": verdict.note,
        "content": verdict.content,
        "place": str(verdict.place),
    }


def _asset_json(one: ReviewedAsset) -> dict[str, Any]:
    head = {"asset": one.asset, "output": one.output, "content": one.content, "required": one.required}
    return {**head, **standing_json(one.standing), "state": one.state}


def _below(standing: Standing) -> Iterator[str]:
    """The notes, and the verdicts that do not count, each on a line."""
    for verdict in standing.notes:
        shown = verdict is standing.latest and verdict.judgement is Judgement.REJECT
        if not shown:
            yield f"{verdict.at[:10]} {printable(verdict.by)}: {one_line(verdict.note, _WIDTH)}"
    for verdict, why in standing.uncounted:
        said = f"{verdict.judgement.value} by {printable(verdict.by)} at {verdict.place}"
        yield f"does not count: {said}: {printable(why)}"
