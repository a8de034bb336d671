"""Derived files in plans and checks: lines for people, JSON for programs, findings. Pure: values in, lines out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from reconciler.core.derived.decide_files import (
    AwaitSource,
    FileAction,
    FileConflict,
    KeepFile,
    MakeFile,
    RemoveFile,
    RestoreFile,
)
from reconciler.core.derived.derived_plan import DerivedPlan, FileStep, SetStep
from reconciler.core.derived.wanted import AssetSet
from reconciler.core.plan.observed import Blocked
from reconciler.core.text import printable
from reconciler.core.value import value
from reconciler.report.formats import counted

SHOWN_SETS = 20
_SHOWN_PATHS = 3


@value
class DerivedFacts:
    """The plan of the derived files. `older` counts those that an earlier version of an encoder has made."""

    plan: DerivedPlan
    older: int = 0

    @property
    def to_make(self) -> int:
        """The files that are made in this plan, also those that follow an image that is generated in it."""
        return self.plan.count(MakeFile, AwaitSource)


def derive_hint(facts: DerivedFacts) -> str:
    """The hint of a `check` that found derived files to make; "" if `derive` could do nothing."""
    doable = facts.plan.behind or facts.plan.count(MakeFile, RestoreFile, RemoveFile)
    return "  hint: run `reconciler derive`" if doable else ""


def derived_lines(facts: DerivedFacts, *, every: bool = False) -> Iterator[str]:
    """A line for each asset or bundle with something to do, its details below it; then the notes."""
    groups = [(name, steps) for name, steps in _groups(facts.plan.steps) if _left(steps)]
    shown = groups if every else groups[:SHOWN_SETS]
    width = min(40, max((len(name) for name, _ in shown), default=0))
    for name, steps in shown:
        yield from _group_lines(name, steps, width)
    rest = groups[len(shown) :]
    if rest:
        files = sum(step.count(MakeFile, AwaitSource) for _, steps in rest for step in steps)
        yield f"* {counted(len(rest), 'more set')} with {counted(files, 'derived file')} to make  [free]"
    if facts.plan.behind and not facts.plan.drift:
        yield "derived.lock is not as the rules say; `reconciler derive` writes it anew, and makes no file"
    yield from older_lines(facts)


def older_lines(facts: DerivedFacts) -> Iterator[str]:
    """A note about files of an older encoder. They are current: it is information, and no drift."""
    if facts.older:
        verb = "was" if facts.older == 1 else "were"
        yield f"{counted(facts.older, 'derived file')} {verb} made by an older encoder or operation"
        yield "    hint: `reconciler derive --refresh` makes them anew, for nothing"


def plan_with_derived(lines: Iterable[str], facts: DerivedFacts, *, every: bool) -> tuple[str, ...]:
    """The lines of a plan, of which the last one has the totals, with those of the derived files before the totals."""
    *steps, totals = lines
    parted = bool(steps) and not steps[-1]
    derived = tuple(derived_lines(facts, every=every))
    gap = ("",) if parted or (derived and facts.plan.left) else ()
    return (*(steps[:-1] if parted else steps), *derived, *gap, with_derived(totals, facts))


def derived_total(facts: DerivedFacts) -> str:
    """What is left to do, for the line of totals: `27 files and 1 bundle to derive, 1 derived in conflict`; "" if
    nothing is. How many files a bundle has is known once it was made."""
    new = {step.bundle.bundle.name for step in facts.plan.steps if step.bundle is not None and _is_new(step)}
    files = facts.to_make - sum(step.bundle is not None and _is_new(step) for step in facts.plan.steps)
    bundles = counted(len(new), "bundle") if new else ""
    both = f"{counted(files, 'file')} and {bundles}" if files and new else bundles
    derive = f"{both or f'{files:,}'} to derive" if files or new else ""
    counts = (
        (facts.plan.count(RestoreFile), "derived to restore"),
        (facts.plan.count(RemoveFile), "derived to remove"),
        (facts.plan.count(FileConflict), "derived in conflict"),
    )
    others = [f"{number:,} {label}" for number, label in counts if number]
    return ", ".join([derive, *others] if derive else others)


def _is_new(step: SetStep) -> bool:
    """Whether a bundle was never made: only its first file is then planned."""
    return all(each.line is None and isinstance(each.action, (MakeFile, AwaitSource)) for each in step.files)


def with_derived(totals: str, facts: DerivedFacts | None) -> str:
    """A line of totals with those of the derived files."""
    if facts is None:
        return totals
    total = derived_total(facts)
    kept = facts.plan.count(KeepFile)
    if total:
        return f"{totals.removeprefix('nothing to do: ')}; {total}"
    if totals.startswith("nothing to do: ") and kept:
        return totals.replace(" up to date", f" and {counted(kept, 'derived file')} up to date")
    return totals


def _groups(steps: Iterable[SetStep]) -> list[tuple[str, list[SetStep]]]:
    """The sets of each asset together, and each bundle."""
    found: dict[str, list[SetStep]] = {}
    for step in steps:
        bundle = step.bundle.bundle.name if step.bundle is not None else step.name.rpartition("~")[0] or step.name
        name = step.wanted.asset if isinstance(step.wanted, AssetSet) else bundle
        found.setdefault(name, []).append(step)
    return [(printable(name), group) for name, group in found.items()]


def _left(steps: Iterable[SetStep]) -> bool:
    return any(not isinstance(each.action, KeepFile) for step in steps for each in step.files)


def _group_lines(name: str, steps: list[SetStep], width: int) -> Iterator[str]:
    files = [each for step in steps for each in step.files]
    make = [each for each in files if isinstance(each.action, (MakeFile, AwaitSource))]
    if make:
        bundle = next((step.bundle for step in steps if step.bundle is not None), None)
        if bundle is not None:
            kind = {"atlas": "an atlas", "icons": "icons", "manifest": "a web manifest"}[bundle.bundle.kind]
            fact = f"{kind} to make of {counted(len(bundle.members), 'asset')}"
        else:
            fact = f"{len(make)} of {counted(len(files), 'derived file')} to make"
        yield f"* {name:<{width}}  {fact}  [free]"
    restored = [each.path for each in files if isinstance(each.action, RestoreFile)]
    if restored:
        yield f"+ {name:<{width}}  {counted(len(restored), 'derived file')} to restore ({_listed(restored)})"
    gone = [each.path for each in files if isinstance(each.action, RemoveFile)]
    if gone:
        yield f"- {name:<{width}}  {counted(len(gone), 'derived file')} to remove, no longer derived ({_listed(gone)})"
    for each in [each for each in files if isinstance(each.action, FileConflict)]:
        yield f"! {name:<{width}}  {derived_conflict_text(each)}"
        yield f"    hint: {derived_conflict_hint(each)}"


def derived_conflict_text(each: FileStep) -> str:
    """Why a derived file is left alone."""
    path = printable(each.path)
    assert isinstance(each.action, FileConflict)
    if isinstance(each.action.found, Blocked):
        return f"{path} is {each.action.found.what}"
    if each.line is None:
        return f"{path} exists already, and is no derived file"
    if each.action.stale:
        return f"{path} was changed by hand, and would be made anew"
    return f"{path} was changed by hand"


def derived_conflict_hint(each: FileStep) -> str:
    """How a conflict ends."""
    path = printable(each.path)
    if isinstance(each.action, FileConflict) and isinstance(each.action.found, Blocked):
        return "move it, or choose another output"
    if each.key is None and each.line is not None:
        return f"nothing derives it any more: `reconciler adopt {path}` keeps it as your own, or delete it"
    return f"`reconciler adopt {path}` keeps it; `reconciler restore {path}` makes it as it should be"


def _listed(paths: list[str]) -> str:
    more = f" and {len(paths) - _SHOWN_PATHS} more" if len(paths) > _SHOWN_PATHS else ""
    return ", ".join(map(printable, paths[:_SHOWN_PATHS])) + more


_ACTIONS: dict[type, str] = {
    KeepFile: "keep",
    AwaitSource: "make",
    MakeFile: "make",
    RestoreFile: "restore",
    RemoveFile: "remove",
    FileConflict: "conflict",
}


def derived_json(facts: DerivedFacts) -> dict[str, Any]:
    """The sets with something to do, and counts, for programs."""
    return {
        "derived": [_set_json(step) for step in facts.plan.steps if _left((step,))],
        "derived_kept": facts.plan.count(KeepFile),
        "derived_behind": facts.plan.behind,
        "derived_older": facts.older,
    }


def _set_json(step: SetStep) -> dict[str, Any]:
    named = {"asset": step.wanted.asset} if isinstance(step.wanted, AssetSet) else {}
    bundled = {"bundle": step.bundle.bundle.name} if step.bundle is not None else {}
    files = [_file_json(each.path, each.action) for each in step.files if not isinstance(each.action, KeepFile)]
    return {"set": step.name, **named, **bundled, "files": files}


def _file_json(path: str, action: FileAction) -> dict[str, Any]:
    after = {"after": list(action.after)} if isinstance(action, AwaitSource) else {}
    return {"path": path, "action": _ACTIONS[type(action)], **after}
