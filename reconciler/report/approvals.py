"""The required images that nobody has approved, as text, as JSON and as findings. Pure: values in, lines out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from reconciler.core.cautions import Caution
from reconciler.core.digest import AssetId
from reconciler.core.errors import Place
from reconciler.core.plan.findings import Finding, a_finding, fingerprint
from reconciler.core.reviews.verdicts import ReviewState, Standing
from reconciler.core.text import printable
from reconciler.core.value import replace, value
from reconciler.report.formats import counted
from reconciler.report.reviews import standing_json, standing_words

_SHOWN = 20
"""The most images that are listed; `review --list` has all."""
_ID_WIDTH = 40


@value
class Lacking:
    """A required image that is not approved: that of an asset by its id, or a derived file by its path. `draft`: no
    real image is there to approve. `derived_from` is the first asset that a derived file is made from."""

    name: str
    output: str
    standing: Standing
    place: Place | None = None
    draft: bool = False
    derived_from: AssetId | None = None


@value
class Approvals:
    """How many images are required to be approved, and those that are not. `minimum` is the number of approvals that
    each needs."""

    required: int
    lacking: tuple[Lacking, ...]
    minimum: int = 1
    cautions: tuple[Caution, ...] = ()


def approval_lines(found: Approvals, *, verbose: bool = False) -> Iterator[str]:
    """A line for each image that lacks approval, up to a limit; or one line that none does."""
    if not found.lacking:
        yield approved_line(found)
        return
    shown = found.lacking if verbose else found.lacking[:_SHOWN]
    width = min(_ID_WIDTH, max(len(printable(one.name)) for one in shown))
    for one in shown:
        yield f"! {printable(one.name):<{width}}  {_words(one, found.minimum)}"
    left = len(found.lacking) - len(shown)
    if left:
        yield f"  and {counted(left, 'more image')} without approval"
    yield f"{len(found.lacking)} of {counted(found.required, 'required image')} not approved"
    yield "    hint: `reconciler approve ID` approves one, `reconciler review --list` shows all verdicts"


def approved_line(found: Approvals) -> str:
    """`all 40 required images are approved`."""
    if not found.required:
        return "no image is required to be approved"
    if found.required == 1:
        return "the required image is approved"
    return f"all {found.required:,} required images are approved"


def approvals_json(found: Approvals) -> dict[str, Any]:
    """For programs."""
    lacking = [{"asset": one.name, "output": one.output, **standing_json(one.standing)} for one in found.lacking]
    return {"required": found.required, "unapproved": lacking}


def approval_findings(found: Approvals) -> Iterator[Finding]:
    """A finding for each image that lacks approval, at its spec."""
    for one in found.lacking:
        rule = "rejected" if one.standing.state is ReviewState.REJECTED else "unapproved"
        words = _words(one, found.minimum)
        if one.derived_from is not None:
            words = f"{printable(one.name)}: {words}"
        finding = a_finding(rule, one.derived_from or one.name, words, hint=_finding_hint(one), place=one.place)
        yield replace(finding, fingerprint=fingerprint(rule, one.name))


def _finding_hint(one: Lacking) -> str:
    name = printable(one.name)
    if one.standing.state is not ReviewState.REJECTED:
        return f"`reconciler approve {name}` approves it, `reconciler reject {name} --note …` rejects it"
    if one.derived_from is not None:
        return "change its rule, or the image that it is made from"
    return f"`reconciler choose {name}` lists other candidates, `apply --replace-rejected` generates another"


def _words(one: Lacking, minimum: int) -> str:
    if one.draft:
        return "not approved: it is a draft"
    words = standing_words(one.standing, minimum=minimum)
    if one.standing.state is ReviewState.REJECTED:
        return words
    uncounted = "; ".join(f"{each.by} does not count: {why}" for each, why in one.standing.uncounted[:3])
    facts = "; ".join(filter(None, (words, printable(uncounted))))
    return f"not approved: {facts}" if facts else "not approved"
