"""A plan as text for people. Pure: values in, lines out."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime

from reconciler.core.digest import AssetId, Json
from reconciler.core.money.cost import Cost, Total, total
from reconciler.core.plan import actions as do
from reconciler.core.plan.actions import Reason
from reconciler.core.plan.observed import Approval, rejected_by
from reconciler.core.plan.plan import AssetStep, Plan, Step, locked_entry
from reconciler.core.plan.shared import sharers
from reconciler.core.recipe import Change
from reconciler.core.text import one_line, printable
from reconciler.core.value import replace, value
from reconciler.report.claimed import claimed_hint, claimed_lines, claimed_reason, claimed_title
from reconciler.report.formats import counted
from reconciler.report.in_doubt import in_doubt_hint, in_doubt_lines, in_doubt_reason, in_doubt_title
from reconciler.report.step_hints import conflict_hint, hold_hint
from reconciler.report.waiting import WAITING_TITLE, waiting_costs, waiting_hint, waiting_lines, waiting_reason

_DIFF_WORDS = 2000
_TEXT_WIDTH = 100
NO_ASSETS = "no assets: no spec was found (specs are .yaml files in the specs folder)"
ANY_ASSET = "ID"
"""Stands for each of several assets in the commands of their hint."""
FEW_ALIKE = 3
"""The most steps that are shown one by one although they are alike."""
CHECK_HINT = "  hint: run `reconciler apply`"


Shared = Mapping[AssetId, tuple[AssetId, ...]]
"""The assets of each request that serves several, as `sharers` finds them."""


@value
class StepText:
    """One step as text: a symbol, the reason, changed fields, and the next commands."""

    symbol: str
    reason: str
    details: tuple[str, ...] = ()
    hint: str = ""


@value
class Block:
    """Lines about one step, or about steps that are alike: a head with symbol, name and reason, and lines below it."""

    name: str
    text: StepText
    price: str = ""


def note_lines(plan: Plan) -> Iterator[str]:
    """Lines about kept assets that need attention: orphans, and frozen assets with changes."""
    orphans = [step.asset for step in plan.steps if keeps(step, do.Orphaned)]
    if orphans:
        yield f"{counted(len(orphans), 'orphan')} in the lockfile: {_listed(orphans)}"
        yield "    hint: they are in no spec; `reconciler prune` removes their images"
    frozen = [step for step in plan.steps if keeps(step, do.Frozen)]
    for why, yes in (("changed", False), ("rejected", True)):
        names = [step.asset for step in frozen if _is_rejected(step.action.reason) is yes]
        if names:
            yield f"{why}, but frozen: {_listed(names)}"


def pointer_lines(pointers: Sequence[str]) -> tuple[str, ...]:
    """Lines about outputs that are Git LFS pointers: current, but no images that a build could use."""
    if not pointers:
        return ()
    kind = "a Git LFS pointer, and no image" if len(pointers) == 1 else "Git LFS pointers, and no images"
    verb = "is" if len(pointers) == 1 else "are"
    return (
        f"{counted(len(pointers), 'output')} {verb} {kind}: {_listed(pointers)}",
        "    hint: `git lfs pull` downloads them; run it before a build",
    )


def uncommitted_lines(
    outputs: Sequence[str], *, kind: str = "locked image", lockfile: str = "assets.lock"
) -> tuple[str, ...]:
    """Lines about locked images, or derived files, that a clone would not get."""
    if not outputs:
        return ()
    verb = "is" if len(outputs) == 1 else "are"
    return (
        f"{counted(len(outputs), kind)} {verb} not in the commit that is checked out: {_listed(outputs)}",
        f"    hint: commit the files together with {lockfile}, or let git ignore them",
    )


UNMERGED = -1
"""Instead of a count: the lockfile contains conflict markers of git."""


def check_hint(plan: Plan, *, behind: int = 0) -> str:
    """The hint of a `check` that found something to do; "" if `apply` could do none of it."""
    doable = any(isinstance(step.action, do.Generate | do.Restore | do.Move | do.Adopt) for step in plan.steps)
    return CHECK_HINT if behind or doable else ""


def behind_line(count: int, *, running: str | None = None) -> str:
    """The number of assets in the journal but not in the lockfile. `running` is the apply in progress, if any."""
    if count == UNMERGED:
        return "assets.lock contains both sides of a merge; the next apply merges them"
    lacks = f"assets.lock lacks {counted(count, 'asset')}"
    if running is not None:
        return f"an apply is running here ({running}): {lacks} so far"
    return f"{lacks} of an interrupted apply; the next apply adds them"


def totals_line(plan: Plan, *, elsewhere: int = 0) -> str:
    """`2 to generate (0.173 USD), 1 to restore; 40 up to date`."""
    kinds = (
        ("to generate", do.Generate), ("to restore", do.Restore), ("to move", do.Move), ("to adopt", do.Adopt),
        ("in conflict", do.Conflict), ("held", do.Hold),
    )  # fmt: skip
    parts = []
    counts = Counter(type(step.action) for step in plan.steps)
    for label, kind in kinds:
        count = counts[kind]
        if count:
            parts.append(f"{count} {label}" + (f" ({plan_total(plan)})" if kind is do.Generate else ""))
    if not plan.steps and not elsewhere:
        return NO_ASSETS
    kept = elsewhere + sum(keeps(step, do.Current, do.Frozen, do.Ignored, do.Succeeded) for step in plan.steps)
    return f"{', '.join(parts)}; {kept} up to date" if parts else f"nothing to do: {counted(kept, 'asset')} up to date"


def plan_total(plan: Plan) -> Total:
    """The cost of all Generate steps together. A request that serves several assets counts once."""
    shared = sharers(plan.steps)
    return total(
        step.action.cost
        for step in plan.steps
        if isinstance(step.action, do.Generate) and shared.get(step.asset, (step.asset,))[0] == step.asset
    )


_RESTORED = {
    do.By.COPY: "restored from a copy",
    do.By.REDRAW: "drawn again, and put back only if it is the same image",
}


def change_lines(reason: Reason) -> tuple[str, ...]:
    """Every changed field of a reason, a line each."""
    return tuple(change_text(change) for change in changed_fields(reason))


def describe(
    step: Step, now: datetime, *, name: str = "", changes: Callable[[Reason], tuple[str, ...]] = change_lines
) -> StepText:
    """One step as text. `name` stands for the asset in the commands of the hint; `changes` shows changed fields."""
    action = step.action
    name = name or printable(step.asset)
    match action:
        case do.Generate():
            symbol = "+" if isinstance(action.reason, do.NeverGenerated) else "~"
            after = (f"after {', '.join(action.after)}",) if action.after else ()
            return StepText(symbol, reason_text(action.reason), (*changes(action.reason), *after))
        case do.Restore():
            copied = f"restored from {action.place}" if action.place else _RESTORED[action.by]
            how = f"{reason_text(action.reason)}: {copied}"
            return StepText("<", how, changes(action.reason))
        case do.Move(reason=moved):
            origin = moved.origin or moved.from_output
            return StepText(">", f"moved from {printable(origin)} to {printable(step.output)}")
        case do.Adopt(reason=do.MergeSettled()):
            hint = f"`reconciler apply --replace {step.asset}` generates a new one instead"
            return StepText("=", f"{reason_text(action.reason)}: the file is kept for the merged spec", (), hint)
        case do.Adopt():
            return StepText("=", "the file is already there: adopted into the lockfile")
        case do.Conflict():
            return StepText("!", reason_text(action.reason), changes(action.reason), conflict_hint(action, name))
        case do.Hold(reason=do.Doubtful(requests=requests), otherwise=otherwise):
            retried = name if isinstance(otherwise, do.Generate) else ""
            hint = in_doubt_hint(requests, retried=retried, named=name if name != printable(step.asset) else "")
            entry = locked_entry(step)
            locked = entry.key if entry is not None else None
            return StepText("?", in_doubt_title(requests, locked=locked), in_doubt_lines(requests, now), hint)
        case do.Hold(reason=do.Awaited(requests=waiting)):
            hint = waiting_hint(waiting, named=name if name != printable(step.asset) else "")
            return StepText("?", WAITING_TITLE, waiting_lines(waiting, now), hint)
        case do.Hold(reason=do.ClaimedElsewhere() as claimed):
            return StepText("?", claimed_title(claimed), claimed_lines(claimed, now), claimed_hint(claimed))
        case do.Hold(otherwise=otherwise):
            details = changes(otherwise.reason) if isinstance(otherwise, do.Generate) else ()
            return StepText("?", reason_text(action.reason), details, hold_hint(action, name))
        case do.Keep():
            return StepText(" ", reason_text(action.reason))


def reason_text(reason: Reason) -> str:
    """The reason in a few words."""
    match reason:
        case do.Current():
            return "up to date"
        case do.Orphaned():
            return "in the lockfile, but in no spec"
        case do.Frozen(instead_of=do.WasRejected() as why):
            return f"{reason_text(why)}, but frozen"
        case do.Frozen():
            return "changed, but frozen"
        case do.Succeeded(old=old, new=new):
            return f"up to date: {new} is {old} under another name"
        case do.Ignored():
            return "changed only in ignored fields"
        case do.MadeByHand(instead_of=why):
            return f"{reason_text(why)}, but its image was made by hand: left alone"
        case do.RealImage(instead_of=why):
            return f"{reason_text(why)}, but no draft replaces a real image: left alone"
        case do.NeverGenerated():
            return "new"
        case do.RecipeChanged(changes=changes):
            return f"{', '.join(change.field for change in changes)} changed"
        case do.UpstreamChanged(upstreams=ups):
            return f"its reference image changes: {', '.join(ups)}"
        case do.Placeholder():
            return "a draft is in place of the real image"
        case do.OutputMissing():
            return "the file is missing"
        case do.OutputLost():
            return "the file is missing, and no copy was found"
        case do.RedrawnDifferently(content=content):
            return f"the file is missing, and its provider has drawn another image instead ({content})"
        case do.SourceFailed(failure=failure):
            return f"the file is missing, and a copy may exist: {one_line(failure.fact, _TEXT_WIDTH * 3)}"
        case do.OutputModified(stale=stale):
            both = f", and {', '.join(change.field for change in stale)} changed too" if stale else ""
            return f"the file was changed by hand{both}: left alone"
        case do.Untracked():
            return "an untracked file is at its output: left alone"
        case do.NotAFile(what=what):
            return f"its output is {what}"
        case do.Moved():
            return "moved"
        case do.MergeSettled():
            return "both sides of a merge changed it"
        case do.AlreadyThere():
            return "already there"
        case do.Doubtful() | do.Awaited() | do.ClaimedElsewhere():
            return _unended_text(reason)
        case do.WasRefused() | do.WasMismatched() | do.WasFailed() | do.WasRejected():
            return _answer_text(reason)
        case do.UpstreamUnavailable(upstreams=ups):
            return f"blocked: {', '.join(ups)} has no image"
        case do.Asked():
            return "another image was requested"
        case do.OverBudget(limit=limit):
            return f"over budget: {limit}"
        case do.NotSelected():
            return "not selected"


def _unended_text(reason: do.Doubtful | do.Awaited | do.ClaimedElsewhere) -> str:
    if isinstance(reason, do.Awaited):
        return waiting_reason(reason.requests)
    if isinstance(reason, do.ClaimedElsewhere):
        return claimed_reason(reason)
    return in_doubt_reason(reason.requests)


def _is_rejected(reason: Reason) -> bool:
    return isinstance(reason, do.Frozen) and isinstance(reason.instead_of, do.WasRejected)


def _answer_text(reason: do.WasRefused | do.WasMismatched | do.WasFailed | do.WasRejected) -> str:
    match reason:
        case do.WasRefused(message=message):
            return f"refused before: {one_line(message, _TEXT_WIDTH)}"
        case do.WasMismatched(message=message):
            return f"answered with an image that does not fit: {one_line(message, _TEXT_WIDTH)}"
        case do.WasFailed(message=message):
            return f"answered before without a usable image: {one_line(message, _TEXT_WIDTH)}"
        case do.WasRejected(by=by, at=at, note=note, locked=locked):
            words = one_line(rejected_by(by, at, note), _TEXT_WIDTH * 2)
            return words if locked else f"an image for this recipe was {words}"


def changed_fields(reason: Reason) -> tuple[Change, ...]:
    """The fields that differ from the locked recipe."""
    match reason:
        case do.RecipeChanged(changes=changes) | do.Ignored(changes=changes) | do.OutputModified(stale=changes):
            return changes
        case _:
            return ()


def change_text(change: Change) -> str:
    """`size: 16:9 → 1:1`; for a prompt, a diff of its words."""
    if change.field == "prompt" and isinstance(change.before, str) and isinstance(change.after, str):
        return f"prompt: {word_diff(change.before, change.after)}"
    return f"{change.field}: {_value(change.before)} → {_value(change.after)}"


def word_diff(before: str, after: str) -> str:
    """`a lighthouse at [-dusk-]{+dawn+}`; long equal parts are shortened to a few words on either side."""
    import difflib  # noqa: PLC0415 - where a prompt has changed

    old, new = before.split(), after.split()
    if len(old) + len(new) > _DIFF_WORDS:
        return f"{len(old)} words → {len(new)} words"
    pieces: list[str] = []
    matcher = difflib.SequenceMatcher(None, old, new, autojunk=False)
    for tag, a, b, c, d in matcher.get_opcodes():
        if tag == "equal":
            pieces.append(_around(old[a:b], first=not pieces, last=b == len(old) and d == len(new)))
            continue
        removed = f"[-{' '.join(old[a:b])}-]" if b > a else ""
        added = f"{{+{' '.join(new[c:d])}+}}" if d > c else ""
        pieces.append(removed + added)
    return printable(" ".join(piece for piece in pieces if piece))


def _around(words: list[str], *, first: bool, last: bool) -> str:
    if len(words) <= 8:
        return " ".join(words)
    head = [] if first else words[:3]
    tail = [] if last else words[-3:]
    return " ".join([*head, "…", *tail])


def _value(value: Json) -> str:
    if value is None:
        return "(none)"
    if isinstance(value, str):
        return one_line(value)
    return one_line(json.dumps(value, ensure_ascii=False, sort_keys=True, default=str))


def price_text(cost: Cost | None) -> str:
    """A price as text."""
    if cost is None:
        return "price unknown"
    if cost.free:
        return "free"
    if cost.at_most:
        return f"at most {cost}"
    return str(cost) if cost.amount else "0 USD by models: in reconciler.yaml"


def step_block(step: Step, now: datetime, shared: Shared) -> Block:
    """One step as it is shown by itself."""
    text = describe(step, now)
    if isinstance(step, AssetStep) and step.approved is not None:
        text = replace(text, details=(*text.details, f"its locked image was {approved_by(step.approved)}"))
    first, *others = shared.get(step.asset, (step.asset,))
    if first != step.asset:
        return Block(printable(step.asset), text, f"the request of {printable(first)}")
    if others:
        line = f"1 request for {counted(len(others) + 1, 'asset')} with this recipe"
        text = replace(text, details=(*text.details, line))
    return Block(printable(step.asset), text, sum_text([step], shared))


def approved_by(approval: Approval) -> str:
    """`approved by ada@example.com on 2026-11-27`."""
    return f"approved by {', '.join(map(printable, approval.by))} on {approval.at[:10]}"


def sum_text(steps: Iterable[Step], shared: Shared) -> str:
    """The price of these steps together, that of held ones included; "" if none of them has a price."""
    prices: list[Cost | None] = []
    submitted: dict[str, Cost | None] = {}
    for step in steps:
        if isinstance(step.action.reason, do.Awaited):
            submitted |= waiting_costs(step.action.reason.requests)
        elif shared.get(step.asset, (step.asset,))[0] == step.asset:
            prices += bought(step.action)
    prices += submitted.values()
    free = len(set(prices)) == 1 and (prices[0] is None or not prices[0].amount)
    if free or len(prices) == 1:
        return price_text(prices[0])
    return str(total(prices)) if prices else ""


def bought(action: do.Action) -> tuple[Cost | None, ...]:
    """The price of the image that an action buys, or would buy with consent; () if it buys none, or another checkout
    pays."""
    if isinstance(action.reason, do.ClaimedElsewhere):
        return ()
    action = (action.otherwise or action) if isinstance(action, do.Hold) else action
    return (action.cost,) if isinstance(action, do.Generate) else ()


def keeps(step: Step, *reasons: type) -> bool:
    """Whether nothing is done with an asset, for one of these reasons."""
    return isinstance(step.action, do.Keep) and isinstance(step.action.reason, reasons)


def _listed(names: Iterable[str]) -> str:
    some = [printable(name) for name in names]
    return ", ".join(some[:5]) + (f" and {len(some) - 5} more" if len(some) > 5 else "")
