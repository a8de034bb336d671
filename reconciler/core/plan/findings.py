"""List what a project leaves to do or to look at, as one list: each finding has a stable rule and the place of the
field that it is about.

Reports for programs (annotations, code quality, SARIF, JUnit) render this list and nothing else.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from enum import Enum

from reconciler.core.cautions import Caution
from reconciler.core.errors import Place, Problem
from reconciler.core.plan import actions as do
from reconciler.core.plan.actions import Reason
from reconciler.core.plan.plan import AssetStep, Plan, Step
from reconciler.core.recipe import Change
from reconciler.core.specs.spec import Origin, Spec
from reconciler.core.value import replace, value


class Level(Enum):
    """How serious a finding is. An error makes `check` or `validate` fail; the others do not."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


@value
class Finding:
    """One finding. `asset` is "" for a finding about a file; `others` counts further assets with the same cause.

    `details` are further lines about it. `fingerprint` is the same for the same rule and asset, at any line.
    """

    rule: str
    level: Level
    asset: str
    place: Place | None
    message: str
    hint: str = ""
    fingerprint: str = ""
    others: int = 0
    details: tuple[str, ...] = ()


RULES: Mapping[str, str] = {
    "invalid-spec": "A spec, the project file or another input is not valid.",
    "stale": "The recipe has changed since the locked image was made.",
    "new": "The asset has no image yet.",
    "missing": "The image file is missing.",
    "modified": "The image file was changed by hand.",
    "untracked": "A file that the lockfile does not know is at the output of the asset.",
    "moved": "The asset has another id or another output.",
    "orphan": "The lockfile has an image that no spec asks for.",
    "in-doubt": "A paid request has no recorded end; it may have been charged.",
    "waiting": "A provider has accepted a request, and its image has not been collected.",
    "claimed": "Another checkout of the team is making the image.",
    "refused": "This recipe was answered without an image that could be locked.",
    "placeholder": "A draft is in place of the real image.",
    "over-budget": "The image would exceed the budget.",
    "upstream": "An image that this one refers to changes, or is missing.",
    "unapproved": "Nobody has approved the locked image.",
    "rejected": "The locked image was rejected in a review.",
    "unmarked": "A shipped file that a model made does not say so in its metadata.",
    "derived-stale": "A derived file is not made from the locked image as its settings say.",
    "derived-modified": "A derived file was changed by hand.",
    "retired-model": "The model is retired, or will be.",
    "uncommitted": "A locked image is in no commit.",
    "lockfile-behind": "The lockfile lacks what the journal has, or holds both sides of a merge.",
    "questionable-spec": "Something in a spec is probably not meant.",
}
"""Every rule, with the sentence that explains it. The ids are stable: reports of other tools refer to them."""


@value
class Wording:
    """A step in words: the message, the lines below it, and the next command."""

    message: str
    details: tuple[str, ...] = ()
    hint: str = ""


Describe = Callable[[Step], Wording]


def fingerprint(rule: str, *about: str) -> str:
    """The identity of a finding across runs."""
    return hashlib.sha256("\0".join((rule, *about)).encode("utf-8", "surrogatepass")).hexdigest()


def a_finding(rule: str, asset: str, message: str, *, hint: str = "", place: Place | None = None) -> Finding:
    """An error about one asset, with its fingerprint."""
    return Finding(rule, Level.ERROR, asset, place, message, hint, fingerprint(rule, asset))


def plan_findings(plan: Plan, describe: Describe, *, notes: bool = True) -> Iterator[Finding]:
    """A finding for each step that is not a Keep; with `notes`, also for orphans and for frozen assets with changes."""
    for step in plan.steps:
        action = step.action
        kept = isinstance(action, do.Keep)
        if kept and not (notes and isinstance(action.reason, do.Orphaned | do.Frozen)):
            continue
        level = Level.NOTE if kept else Level.ERROR
        said = describe(step)
        found = a_finding(rule_of(action.reason), step.asset, said.message, hint=said.hint, place=step_place(step))
        yield replace(found, level=level, details=said.details)


def problem_findings(problems: Iterable[Problem]) -> Iterator[Finding]:
    """A finding for each problem of a file."""
    for problem in problems:
        message = f"{problem.field}: {problem.fact}" if problem.field else problem.fact
        mark = fingerprint("invalid-spec", problem.place.file, problem.field, problem.fact)
        place = problem.place if problem.place.file else None
        yield Finding(
            "invalid-spec", Level.ERROR, problem.asset, place, message, problem.hint, mark, problem.others
        )  # fmt: skip


def caution_findings(cautions: Iterable[Caution]) -> Iterator[Finding]:
    """A warning for each caution."""
    for one in cautions:
        rule = "retired-model" if one.model and one.place is None else "questionable-spec"
        message = f"{one.field}: {one.message}" if one.field else one.message
        mark = fingerprint(rule, one.model, one.place.file if one.place else "", one.field, one.message)
        yield Finding(rule, Level.WARNING, "", one.place, message, one.hint, mark)


def rule_of(reason: Reason) -> str:
    """The rule of a step by its reason."""
    match reason:
        case do.MadeByHand(instead_of=why) | do.RealImage(instead_of=why) | do.Frozen(instead_of=why):
            return rule_of(why)
        case do.NeverGenerated():
            return "new"
        case do.Orphaned():
            return "orphan"
        case do.UpstreamChanged() | do.UpstreamUnavailable():
            return "upstream"
        case do.Placeholder():
            return "placeholder"
        case do.OutputMissing() | do.OutputLost() | do.SourceFailed() | do.RedrawnDifferently():
            return "missing"
        case do.OutputModified():
            return "modified"
        case do.Untracked() | do.NotAFile() | do.AlreadyThere():
            return "untracked"
        case do.Moved():
            return "moved"
        case do.Doubtful():
            return "in-doubt"
        case do.Awaited():
            return "waiting"
        case do.ClaimedElsewhere():
            return "claimed"
        case do.WasRefused() | do.WasMismatched() | do.WasFailed():
            return "refused"
        case do.WasRejected():
            return "rejected"
        case do.OverBudget():
            return "over-budget"
        case _:
            return "stale"


def step_place(step: Step) -> Place | None:
    """The line of the field that makes an asset stale, or of the asset; None for an asset without a spec."""
    if not isinstance(step, AssetStep):
        return None
    for change in _changes(step.action):
        return changed_place(step.spec, change)
    match _cause(step.action):
        case do.UpstreamChanged() | do.UpstreamUnavailable():
            return step.spec.place("references")
        case do.Placeholder():
            return step.spec.place("provider" if step.spec.origins.get("provider") else "")
        case do.NotAFile() | do.Untracked() | do.Moved():
            return step.spec.place("output" if step.spec.origins.get("output") else "")
        case _:
            return step.spec.place("")


def changed_place(spec: Spec, change: Change) -> Place:
    """Where the new value of a changed field was written: that of a prompt may stem from a style or a variable."""
    if change.field == "prompt" and isinstance(change.before, str) and isinstance(change.after, str):
        return _prompt_place(spec, change.before.split(), change.after.split())
    keyed = spec.origins.get(f"{change.field}.{_changed_key(change)}")
    return keyed[-1].place if keyed else spec.place(change.field)


def finding_groups(findings: Iterable[Finding]) -> tuple[tuple[Finding, ...], ...]:
    """Findings about assets with the same rule at the same line together, in the order of the first of each group."""
    groups: dict[object, list[Finding]] = {}
    for number, each in enumerate(findings):
        key = (each.rule, each.level, each.place) if each.place is not None and each.asset else number
        groups.setdefault(key, []).append(each)
    return tuple(map(tuple, groups.values()))


def group_findings(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """One finding for each group: the first, with the number of others."""
    return tuple(
        replace(group[0], others=sum(each.others + 1 for each in group) - 1) if len(group) > 1 else group[0]
        for group in finding_groups(findings)
    )


def _cause(action: do.Action) -> Reason:
    """The reason of the work behind a hold."""
    if isinstance(action, do.Hold) and action.otherwise is not None:
        return _cause(action.otherwise)
    reason = action.reason
    return reason.instead_of if isinstance(reason, do.Frozen | do.MadeByHand | do.RealImage) else reason


def _changes(action: do.Action) -> tuple[Change, ...]:
    match _cause(action):
        case do.RecipeChanged(changes=changes) | do.OutputModified(stale=changes):
            return changes
        case _:
            return ()


def _changed_key(change: Change) -> str:
    """The first key of a mapping that differs; "" for a field that is none."""
    before = change.before if isinstance(change.before, Mapping) else {}
    after = change.after if isinstance(change.after, Mapping) else {}
    return next((key for key in sorted({*before, *after}) if before.get(key) != after.get(key)), "")


def _prompt_place(spec: Spec, old: list[str], new: list[str]) -> Place:
    """The place of the text that holds the changed words: the prompt itself, a prefix or suffix, or a variable."""
    shorter = min(len(old), len(new))
    head = next((n for n in range(shorter) if old[n] != new[n]), shorter)
    tail = next((n for n in range(shorter - head) if old[-1 - n] != new[-1 - n]), shorter - head)
    words = " ".join(new[head : len(new) - tail] or new[max(0, head - 1) : head + 1])  # of a deletion its neighbours
    sources = [origin for name in ("prompt", "prompt_prefix", "prompt_suffix") for origin in _strongest(spec, name)]
    if words:
        for origin in (*sources, *_variables(spec)):
            if words in " ".join(_text(origin).split()):
                return origin.place
    return spec.place("prompt")


def _strongest(spec: Spec, name: str) -> tuple[Origin, ...]:
    found = spec.origins.get(name, ())
    return found[-1:] if name == "prompt" else tuple(reversed(found))


def _variables(spec: Spec) -> Iterator[Origin]:
    for name in spec.origins:
        if name.startswith("vars."):
            yield from spec.origins[name]


def _text(origin: Origin) -> str:
    written = origin.value
    if isinstance(written, Mapping):
        written = written.get("add")
    return str(written) if isinstance(written, str | int | float) else ""
