"""Group the steps of a plan that are alike: same symbol, reason, changed fields and hint."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from reconciler.core.plan import actions as do
from reconciler.core.plan.actions import Reason
from reconciler.core.plan.plan import AssetStep, Step
from reconciler.core.recipe import Change
from reconciler.core.text import printable
from reconciler.core.value import replace, value
from reconciler.report.claimed import claims_line
from reconciler.report.formats import counted
from reconciler.report.in_doubt import age, in_doubt_total
from reconciler.report.plan_text import (
    ANY_ASSET,
    FEW_ALIKE,
    Block,
    Shared,
    StepText,
    change_text,
    changed_fields,
    describe,
    step_block,
    sum_text,
    word_diff,
)
from reconciler.report.waiting import waiting_total

_PLACES = 8
"""The most places of a group that are listed; with more the folders above them are."""
_NAMES = 20
"""The most assets of a group that are named, where each of them needs a decision."""
_AFTER = "after their reference images"
_TOP = "top level"


def group_blocks(steps: Sequence[Step], now: datetime, shared: Shared) -> list[Block]:
    """Groups of more than FEW_ALIKE steps that are alike, and every other step by itself; in the order of the plan."""
    texts = [_common_text(step, now) for step in steps]
    alike: dict[StepText, list[Step]] = {}
    for step, text in zip(steps, texts, strict=True):
        alike.setdefault(text, []).append(step)
    blocks: list[Block] = []
    for step, text in zip(steps, texts, strict=True):
        members = alike[text]
        if len(members) <= FEW_ALIKE:
            blocks.append(step_block(step, now, shared))
        elif members[0] is step:
            blocks.append(_group(text, members, now, shared))
    return blocks


def _common_text(step: Step, now: datetime) -> StepText:
    """The text of a step without anything that is only about its asset."""
    action = step.action
    match action.reason:
        case do.Moved(origin=origin, from_output=before):
            there, here = _folder(origin or before), _folder(step.asset if origin else step.output)
            return StepText(">", f"moved from {there} to {here}" if there != here else f"renamed in {here}")
        case do.UpstreamChanged() if isinstance(action, do.Generate):
            return StepText("~", "their reference images change")
        case do.UpstreamChanged():
            text = describe(step, now, name=ANY_ASSET)
            return StepText(text.symbol, "their reference images change", hint=text.hint)
    text = describe(step, now, name=ANY_ASSET, changes=_common_changes)
    if isinstance(action.reason, do.Doubtful | do.Awaited | do.ClaimedElsewhere):
        return replace(text, details=())
    after = isinstance(action, do.Generate) and bool(action.after)
    return replace(text, details=(*text.details[:-1], _AFTER)) if after else text


def _common_changes(reason: Reason) -> tuple[str, ...]:
    return tuple(_common_change(change) for change in changed_fields(reason))


def _common_change(change: Change) -> str:
    """The change without the words of a prompt that are equal at its beginning and end."""
    before, after = change.before, change.after
    if change.field != "prompt" or not (isinstance(before, str) and isinstance(after, str)):
        return change_text(change)
    old, new = before.split(), after.split()
    shorter = min(len(old), len(new))
    head = next((n for n in range(shorter) if old[n] != new[n]), shorter)
    tail = next((n for n in range(shorter - head) if old[-1 - n] != new[-1 - n]), shorter - head)
    diff = word_diff(" ".join(old[head : len(old) - tail]), " ".join(new[head : len(new) - tail]))
    return f"prompt: {'… ' if head else ''}{diff}{' …' if tail else ''}"


@value
class _Place:
    """Steps of one folder or spec. `pattern` is a glob over their ids; the id of a single one; _TOP for no folder."""

    pattern: str
    steps: tuple[Step, ...]


def _group(text: StepText, steps: list[Step], now: datetime, shared: Shared) -> Block:
    count, price = counted(len(steps), "asset"), sum_text(steps, shared)
    places = _places(steps)
    beside = (*_doubts(steps, now), *_approved(steps), *_shared_requests(steps, shared))
    details = (*_shared_details(text, steps), *beside)
    if f" {ANY_ASSET}`" in text.hint:  # each of them needs a decision
        details = (*details, _names(steps))
    elif len(places) > 1:
        details = (*details, *_place_lines(places, shared))
    elif places[0].pattern != _TOP:
        return Block(places[0].pattern, replace(text, reason=f"{count}: {text.reason}", details=details), price)
    return Block(count, replace(text, details=details), price)


def _shared_details(text: StepText, steps: list[Step]) -> Iterator[str]:
    """The details that all steps have in common."""
    after = {step.action.after for step in steps if isinstance(step.action, do.Generate)}
    one = f"after {', '.join(map(printable, *after))}" if len(after) == 1 else _AFTER
    yield from (one if detail == _AFTER else detail for detail in text.details)


def _shared_requests(steps: list[Step], shared: Shared) -> Iterator[str]:
    """How many requests serve several of the steps."""
    sharing = [shared[step.asset] for step in steps if step.asset in shared]
    if sharing:
        count, assets = counted(len(set(sharing)), "request"), counted(len(sharing), "asset")
        yield f"{count} for {assets} with the same recipe" + ("" if len(set(sharing)) == 1 else "s")


def _approved(steps: list[Step]) -> Iterator[str]:
    """How many of the locked images are approved."""
    count = sum(isinstance(step, AssetStep) and step.approved is not None for step in steps)
    if count:
        yield f"{counted(count, 'locked image')} of them {'was' if count == 1 else 'were'} approved in a review"


def _doubts(steps: list[Step], now: datetime) -> Iterator[str]:
    """The requests in doubt of all steps together, and the accepted ones."""
    requests = [
        one for step in steps if isinstance(step.action.reason, do.Doubtful) for one in step.action.reason.requests
    ]
    if requests:
        oldest = min(requests, key=lambda one: one.at)
        cost = in_doubt_total(requests)
        yield f"{counted(len(requests), 'request')}, the first of them {age(oldest.at, now)}; they may have cost {cost}"
    waiting = [
        one for step in steps if isinstance(step.action.reason, do.Awaited) for one in step.action.reason.requests
    ]
    if waiting:
        first = min(one.requested.at for one in waiting)
        spent = waiting_total(waiting)
        yield f"{counted(len(waiting), 'request')}, the first of them {age(first, now)}; {spent} counted as spent"
    claims = [
        one
        for step in steps
        if isinstance(step.action.reason, do.ClaimedElsewhere)
        for one in step.action.reason.claims
    ]
    if claims:
        yield claims_line(claims, now)


def _names(steps: list[Step]) -> str:
    names = [printable(step.asset) for step in steps]
    more = f" and {len(names) - _NAMES} more" if len(names) > _NAMES else ""
    return f"{', '.join(names[:_NAMES])}{more}"


def _place_lines(places: list[_Place], shared: Shared) -> Iterator[str]:
    width = max(len(place.pattern) for place in places)
    counts = [counted(len(place.steps), "asset") for place in places]
    wide = max(map(len, counts))
    for place, count in zip(places, counts, strict=True):
        price = sum_text(place.steps, shared)
        yield f"{place.pattern:<{width}}  {count:>{wide}}  {f'[{price}]' if price else ''}".rstrip()


def _places(steps: list[Step]) -> list[_Place]:
    """The folders and specs of the steps, as deep as few of them contain all."""
    parents = [_parents(step.asset) for step in steps]
    for depth in range(max(map(len, parents)), -1, -1):
        found: dict[str, list[Step]] = {}
        for step, above in zip(steps, parents, strict=True):
            found.setdefault("".join(above[:depth]), []).append(step)
        if len(found) <= _PLACES:
            break
    return [
        _Place(printable(members[0].asset if len(members) == 1 else f"{above}*" if above else _TOP), tuple(members))
        for above, members in found.items()
    ]


def _parents(asset: str) -> list[str]:
    """`icons/sword#old` is in `icons/` and in `sword#`."""
    path, mark, _ = asset.partition("#")
    folders = path.split("/")
    above = [f"{folder}/" for folder in folders[:-1]]
    return [*above, f"{folders[-1]}#"] if mark else above


def _folder(path: str) -> str:
    return printable("".join(_parents(path)) or "the top folder")
