"""Choose the verdicts that a compaction keeps. Pure; what all verdicts come to is the same before and after."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from reconciler.core.digest import ContentHash
from reconciler.core.reviews.verdict import Judgement, Verdict
from reconciler.core.reviews.verdicts import Uncounted, latest_of

_FORGETTABLE = (Judgement.APPROVE, Judgement.NOTE)


def compacted(
    verdicts: Iterable[Verdict], named: Collection[ContentHash], *, uncounted: Uncounted = lambda _: ""
) -> tuple[Verdict, ...]:
    """The verdicts to keep, in order of content, person and time.

    `named` are the contents that a lockfile names. Of a content that none names, approvals and notes are dropped,
    unless a rejected image was converted from it. Rejections stay, since they keep an image from coming back. A verdict
    is also dropped if a later one of the same person on the same content counts in its place. One that does not count
    stands for no other.
    """
    found = sorted(dict.fromkeys(verdicts), key=lambda each: (each.content, each.by, each.at, each.note))
    counted = [each for each in found if each.judgement is not Judgement.NOTE and not uncounted(each)]
    last = latest_of(counted)
    originals = {each.original for each in last.values() if each.judgement is Judgement.REJECT}
    kept = []
    for verdict in found:
        known = verdict.content in named or verdict.content in originals
        forgotten = not known and verdict.judgement in _FORGETTABLE
        standing = last.get((verdict.content, verdict.by))
        superseded = verdict.judgement is not Judgement.NOTE and standing is not None and standing != verdict
        if not forgotten and not (superseded and not uncounted(verdict)):
            kept.append(verdict)
    return tuple(kept)
