"""Derived files as findings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from reconciler.core.derived.decide_files import FileConflict, KeepFile
from reconciler.core.derived.derived_plan import SetStep
from reconciler.core.derived.wanted import AssetSet
from reconciler.core.errors import Place
from reconciler.core.plan.findings import Finding, Level, a_finding, fingerprint
from reconciler.core.plan.plan import AssetStep, Step
from reconciler.core.value import replace
from reconciler.report.derived_text import DerivedFacts, derived_conflict_hint, derived_conflict_text
from reconciler.report.formats import counted

_DERIVED_LOCK = "derived.lock"
_SHOWN_PATHS = 5


def derived_findings(facts: DerivedFacts, steps: Mapping[str, Step]) -> Iterator[Finding]:
    """One finding for the files of each set that are to be made, and one for each file that was changed by hand."""
    for each in facts.plan.steps:
        yield from _of_set(each, steps)
    if facts.plan.behind and not facts.plan.drift:
        message = "derived.lock is not in its normal form"
        mark = fingerprint("derived-stale", _DERIVED_LOCK)
        yield Finding("derived-stale", Level.ERROR, "", Place(_DERIVED_LOCK), message, _DERIVE, mark)


_DERIVE = "`reconciler derive` makes derived files, for nothing"


def _of_set(each: SetStep, steps: Mapping[str, Step]) -> Iterator[Finding]:
    asset = each.wanted.asset if isinstance(each.wanted, AssetSet) else each.name.rpartition("~")[0] or each.name
    if each.bundle is not None:
        asset = ""  # it is made of several
    about = f"{each.name}: " if each.bundle is not None else ""
    step = steps.get(asset)
    place = step.spec.place("derive") if isinstance(step, AssetStep) else Place(_DERIVED_LOCK)
    left = [one.path for one in each.files if not isinstance(one.action, KeepFile | FileConflict)]
    if left:
        more = f" and {len(left) - _SHOWN_PATHS} more" if len(left) > _SHOWN_PATHS else ""
        message = f"{about}{counted(len(left), 'derived file')} out of date: {', '.join(left[:_SHOWN_PATHS])}{more}"
        found = a_finding("derived-stale", asset, message, hint=_DERIVE, place=place)
        yield replace(found, fingerprint=fingerprint("derived-stale", asset, each.name))
    for one in each.files:
        if isinstance(one.action, FileConflict):
            message, hint = f"{about}{derived_conflict_text(one)}", derived_conflict_hint(one)
            found = a_finding("derived-modified", asset, message, hint=hint, place=place)
            yield replace(found, fingerprint=fingerprint("derived-modified", asset, one.path))
