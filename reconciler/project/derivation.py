"""Find out what is left to do with derived files."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from reconciler.core.derived.decide_files import KeepFile
from reconciler.core.derived.derived_lock import DerivedLine, DerivedLock
from reconciler.core.derived.derived_plan import (
    DerivedLocks,
    DerivedPlan,
    FileStep,
    SetStep,
    Sources,
    observed_paths,
    plan_derived,
    sources_of,
)
from reconciler.core.derived.key import NO_KEY
from reconciler.core.derived.wanted import NOTHING, AssetSet, BundleSet, Derivation
from reconciler.core.digest import AssetId
from reconciler.core.images.sniff import SUFFIXES
from reconciler.core.plan.plan import Plan
from reconciler.core.plan.selection import select
from reconciler.core.provenance.settings import ProvenanceSettings
from reconciler.core.specs.paths import same_file_key
from reconciler.core.value import replace, value
from reconciler.derive.deriver import PillowDeriver
from reconciler.project.load import LoadedSpecs
from reconciler.project.options import Selection
from reconciler.project.workspace import Workspace
from reconciler.report.derived_text import DerivedFacts
from reconciler.store.documents.derived_records import LOCAL, UNDERWAY, DerivedOnDisk
from reconciler.store.index.index import stat_of

_FORMATS = SUFFIXES | {".ico": "ico"}


@value
class DerivedState:
    """All that is known about the derived files of a project. `older` counts the files that an earlier version of an
    encoder or an operation has made. `all_steps` are those of all sets, where `plan` has chosen ones. `built`: files
    that git ignores are in the plan, too."""

    derivation: Derivation
    locks: DerivedLocks
    plan: DerivedPlan
    older: int = 0
    all_steps: tuple[SetStep, ...] = ()
    built: bool = True
    provenance: ProvenanceSettings = ProvenanceSettings()

    @property
    def has_local(self) -> bool:
        """Whether there are sets that git ignores."""
        return any(not each.commit for each in self.derivation.sets)

    @property
    def facts(self) -> DerivedFacts:
        """What a report says of them."""
        return DerivedFacts(self.plan, self.older)


def derived_state(
    workspace: Workspace, loaded: LoadedSpecs, plan: Plan, selection: Selection, *, built: bool = True
) -> DerivedState:
    """The plan of the derived files of the selected assets after `plan` was carried out. Writes nothing."""
    state = derived_state_of(
        workspace,
        loaded,
        sources_of(plan, loaded.project.settings.provenance),
        workspace.derived_records(),
        built=built,
    )
    if not (selection.include or selection.exclude):
        return state
    chosen = select(loaded.specs, (), include=selection.include, exclude=selection.exclude) or frozenset()
    steps = tuple(step for step in state.plan.steps if concerns(step, chosen))
    return replace(state, plan=replace(state.plan, steps=steps))


def concerns(step: SetStep, assets: frozenset[AssetId]) -> bool:
    """Whether a set is made from one of these assets."""
    match step.wanted:
        case AssetSet(asset=asset):
            return asset in assets
        case BundleSet(members=members):
            return any(member.asset in assets for member in members)
        case None:
            return False


def derived_state_of(
    workspace: Workspace, loaded: LoadedSpecs, sources: Sources, records: DerivedOnDisk, *, built: bool = True
) -> DerivedState:
    """The plan of all derived files, for images that are known. `built`: with the files that git ignores."""
    for name in (LOCAL, UNDERWAY):
        workspace.index.note_stat(name, stat_of(workspace.root / name))
    wanted = loaded.derivation or NOTHING
    locks = DerivedLocks(records.committed(), records.local() if built else DerivedLock())
    underway = records.underway()
    paths = observed_paths(wanted, locks, sources, built=built) | dict.fromkeys(path for _, path, _ in underway)
    found = workspace.tree.outputs(paths)
    locks = _settled(locks, wanted, underway, found)
    absent = frozenset(path for path in paths if path not in found)
    made = plan_derived(
        wanted,
        locks,
        sources,
        found,
        restorable=_restorable(workspace, absent),
        protected=_owned(workspace, loaded) if locks.committed.sets or locks.local.sets else (),
        built=built,
    )
    return DerivedState(wanted, locks, made, _older(made), built=built, provenance=sources.provenance)


def _owned(workspace: Workspace, loaded: LoadedSpecs) -> frozenset[str]:
    """The files that are no derived ones, whatever the lock says: images of assets, and references."""
    outputs = (spec.output for spec in loaded.specs.values())
    locked = (entry.output for entry in workspace.recorded.entries.values())
    return frozenset(map(same_file_key, (*outputs, *locked, *loaded.places)))


def _older(plan: DerivedPlan) -> int:
    """How many current files an earlier version of an encoder or of an operation has made."""
    kept = [(each.path, each.line.made) for step in plan.steps for each in step.files if _is_made(each) and each.line]
    if not kept:
        return 0
    encoder = PillowDeriver(1).encoder
    now = {suffix: encoder(_FORMATS.get(suffix, "")) for suffix in {_suffix(path) for path, _ in kept}}
    return sum(made != now[_suffix(path)] for path, made in kept)


def _is_made(each: FileStep) -> bool:
    return isinstance(each.action, KeepFile) and each.line is not None and not each.line.by_hand


def _suffix(path: str) -> str:
    return path[path.rindex(".") :].lower()


def _settled(
    locks: DerivedLocks,
    wanted: Derivation,
    underway: tuple[tuple[str, str, DerivedLine], ...],
    found: Mapping[str, object],
) -> DerivedLocks:
    """The locks with the lines of files that a run put in place before it died. Those of half a bundle get a key that
    nothing has: they are ours, and the bundle is made again."""
    late = [(name, path, line) for name, path, line in underway if found.get(path) == line.content]
    if not late:
        return locks
    torn = {name for name, path, line in underway if "~" not in name and found.get(path) != line.content}
    late = [(name, path, replace(line, key=NO_KEY) if name in torn else line) for name, path, line in late]
    local_names = {each.name for each in wanted.sets if not each.commit}
    committed = {name: dict(block) for name, block in locks.committed.sets.items()}
    local = {name: dict(block) for name, block in locks.local.sets.items()}
    for name, path, line in late:
        (local if name in local_names else committed).setdefault(name, {})[path] = line
    return DerivedLocks(DerivedLock(committed, merged=True), DerivedLock(local))


def _restorable(workspace: Workspace, absent: frozenset[str]) -> Callable[[DerivedLine, str], bool]:
    """Whether a source has the bytes of a line. Sources are opened when the first is asked for."""
    if not absent:
        return lambda _, __: False
    sources = workspace.sources(absent)
    return lambda line, path: sources.has(line.content, path)
