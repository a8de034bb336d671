"""Derive files: plan them from the images that there are, and make what is missing or changed. Nothing costs money."""

from __future__ import annotations

import os
import shutil
import signal
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from types import FrameType

from reconciler.core.derived.decide_files import KeepFile, MakeFile
from reconciler.core.derived.derived_plan import SetStep, Sources, source_terms
from reconciler.core.derived.derived_report import DerivedReport
from reconciler.core.derived.units import LockLines, UnitWorld
from reconciler.core.derived.work import Master
from reconciler.core.digest import AssetId, ContentHash
from reconciler.core.errors import DiskError, Exit, ProjectError
from reconciler.core.plan.plan import Plan
from reconciler.core.plan.selection import Selectable, selectable_spec
from reconciler.core.ports import Deriver
from reconciler.core.provenance.derived_mark import SIGNED
from reconciler.core.provenance.settings import ProvenanceSettings
from reconciler.core.provenance.source_type import source_term
from reconciler.core.suggest import nearest_word
from reconciler.core.text import printable
from reconciler.core.value import field, replace, value
from reconciler.derive.deriver import MOST_JOBS, PillowDeriver
from reconciler.engine.deriving import Deriving, DerivingProgress, DerivingWorld
from reconciler.project.asset_ids import no_match, select_assets
from reconciler.project.derivation import DerivedState, concerns, derived_state_of
from reconciler.project.load import LoadedSpecs, load_specs
from reconciler.project.options import Selection
from reconciler.project.planning import plan_project
from reconciler.project.workspace import Workspace
from reconciler.store import disk
from reconciler.store.documents.derived_records import DerivedOnDisk
from reconciler.store.worktree.derived_tree import DerivedTree

_TEXT_LIMIT = 16 << 20


@value
class DeriveOptions:
    """`chosen` are ids, patterns of assets, names of bundles and paths of derived files; nothing means all of them.

    `refresh`: files that are current are made anew, too. `jobs` is the number of units at a time; 0 is one for each
    core, up to four. `wait` is the time in seconds to wait for a command that writes.
    """

    chosen: tuple[str, ...] = ()
    refresh: bool = False
    jobs: int = 0
    wait: float = 0.0


@value
class DeriveCallbacks:
    """The caller's part: `show` gets the plan before anything is done, `progress` opens a display for a number of
    files, `say` prints a line."""

    show: Callable[[DerivedState, LoadedSpecs], None]
    progress: Callable[[int], DerivingProgress]
    say: Callable[[str], None]


@value
class DerivedRun:
    """The result of a run. `interrupted`: the user stopped it."""

    state: DerivedState
    report: DerivedReport = field(default_factory=DerivedReport)
    interrupted: bool = False

    @property
    def exit_code(self) -> int:
        """How the command ends."""
        if self.interrupted:
            return Exit.INTERRUPTED
        if self.report.failures:
            return Exit.ERROR
        return Exit.CONSENT if self.report.conflicts else Exit.DONE


def derive(workspace: Workspace, options: DeriveOptions, callbacks: DeriveCallbacks) -> DerivedRun:
    """Make the derived files of the images that there are now."""
    with workspace.exclusive(options.wait):
        planned = plan_project(workspace, load_specs(workspace), Selection())
        records = workspace.derived_records()
        state = chosen_state(workspace, planned.loaded, planned.plan, options, records=records)
        show = partial(callbacks.show, state, planned.loaded)
        return carry_out_derived(workspace, state, options, callbacks, records, show=show)


def derive_locked(
    workspace: Workspace,
    loaded: LoadedSpecs,
    chosen: frozenset[AssetId] | None,
    callbacks: DeriveCallbacks,
    *,
    jobs: int,
) -> DerivedRun:
    """The same under the lock of the workspace, at the end of an apply. `chosen` None: of all assets."""
    records = workspace.derived_records()
    entries = workspace.locked().entries
    known = {asset: entries[asset] for asset in loaded.specs if asset in entries}
    contents = {asset: entry.content for asset, entry in known.items()}
    terms = {asset: source_term(entry) for asset, entry in known.items()}
    sources = Sources(contents, terms=terms, provenance=loaded.project.settings.provenance)
    state = derived_state_of(workspace, loaded, sources, records)
    steps = state.plan.steps
    if chosen is not None:
        steps = tuple(step for step in steps if concerns(step, chosen))
    state = replace(state, plan=replace(state.plan, steps=steps), all_steps=state.plan.steps)
    return carry_out_derived(workspace, state, DeriveOptions(jobs=jobs), callbacks, records)


def derive_plan(workspace: Workspace, options: DeriveOptions) -> tuple[DerivedState, LoadedSpecs]:
    """What `derive` would do. Writes nothing."""
    planned = plan_project(workspace, load_specs(workspace), Selection())
    records = workspace.derived_records()
    return chosen_state(workspace, planned.loaded, planned.plan, options, records=records), planned.loaded


def current_sources(plan: Plan, provenance: ProvenanceSettings) -> Sources:
    """The images that the lockfile has now, also of assets that are stale."""
    return Sources(
        {step.asset: step.entry.content for step in plan.asset_steps if step.entry is not None and step.origin is None},
        terms=source_terms(plan),
        provenance=provenance,
    )


def chosen_state(
    workspace: Workspace, loaded: LoadedSpecs, plan: Plan, options: DeriveOptions, *, records: DerivedOnDisk
) -> DerivedState:
    """The state with the steps that the options choose; the others keep their files. ProjectError for a name that is
    nothing here."""
    state = derived_state_of(workspace, loaded, current_sources(plan, loaded.project.settings.provenance), records)
    steps = state.plan.steps
    if options.chosen:
        steps = _chosen(steps, loaded, options.chosen)
    if options.refresh:
        steps = tuple(map(_refreshed, steps))
    return replace(state, plan=replace(state.plan, steps=steps), all_steps=state.plan.steps)


def _chosen(steps: Sequence[SetStep], loaded: LoadedSpecs, patterns: Sequence[str]) -> tuple[SetStep, ...]:
    by_path = {each.path: step for step in steps for each in step.files}
    by_name = {name: step for step in steps for name in {step.name, step.bundle.bundle.name if step.bundle else ""}}
    assets = tuple(map(selectable_spec, loaded.specs.values()))
    found: dict[str, SetStep] = {}
    for pattern in patterns:
        plain = pattern.removeprefix("./")
        if plain in by_path:
            step = by_path[plain]
            whole = step.bundle is not None
            files = step.files if whole else tuple(each for each in step.files if each.path == plain)
            before = found[step.name].files if step.name in found else ()
            found[step.name] = replace(step, files=(*before, *(each for each in files if each not in before)))
        elif plain in by_name:
            found |= {step.name: step for step in steps if step.name == plain or _is_bundle(step, plain)}
        else:
            chosen = frozenset(_assets(pattern, assets, by_path))
            found |= {step.name: step for step in steps if concerns(step, chosen)}
    return tuple(step for step in (found.get(each.name) for each in steps) if step is not None)


def _is_bundle(step: SetStep, name: str) -> bool:
    return step.bundle is not None and step.bundle.bundle.name == name


def _assets(pattern: str, assets: tuple[Selectable, ...], paths: Mapping[str, SetStep]) -> tuple[AssetId, ...]:
    try:
        return select_assets((pattern,), assets).assets
    except ProjectError:
        hint = nearest_word(pattern, paths)
        if not hint:
            raise no_match(pattern, assets) from None
        raise ProjectError(f'no derived file is called "{printable(pattern)}"', hint=hint) from None


def _refreshed(step: SetStep) -> SetStep:
    """The step with all files made that were not adopted by hand."""
    files = tuple(
        replace(each, action=MakeFile(each.line.content, changed=True))
        if isinstance(each.action, KeepFile) and each.line is not None and not each.line.by_hand and step.wanted
        else each
        for each in step.files
    )
    return replace(step, files=files)


def carry_out_derived(
    workspace: Workspace,
    state: DerivedState,
    options: DeriveOptions,
    callbacks: DeriveCallbacks,
    records: DerivedOnDisk,
    *,
    show: Callable[[], None] = lambda: None,
) -> DerivedRun:
    """Show a plan and carry it out, under the lock of the workspace."""
    if not state.plan.left:
        show()
        return DerivedRun(state)
    tree = DerivedTree(workspace.root, workspace.state, workspace.store, specs=workspace.tree.specs)
    tree.sweep()
    jobs = options.jobs or min(MOST_JOBS, os.cpu_count() or 1)
    used = _deriver(workspace, state, jobs)
    stopping = _Stopping(callbacks.say, used)
    paths = frozenset(each.path for step in state.plan.steps for each in step.files)
    pictures = DerivedPictures(workspace, paths)
    world = DerivingWorld(
        used,
        tree,
        records,
        pictures.world,
        pictures.fetch,
        callbacks.progress,
        jobs,
        stopping.asked,
    )
    local = frozenset(state.locks.local.sets)
    try:
        with stopping.on():
            show()
            report = Deriving(replace(state.plan, steps=state.all_steps), world, local=local).run(state.plan.steps)
    finally:
        used.close()
        tree.sweep()
    return DerivedRun(state, report, stopping.requested)


def _deriver(workspace: Workspace, state: DerivedState, jobs: int) -> Deriver:
    plain = PillowDeriver(jobs)
    if state.provenance.mark != SIGNED or not state.plan.count(MakeFile):
        return plain
    from reconciler.project.signing import signing_deriver  # noqa: PLC0415 - few projects sign

    return signing_deriver(plain, workspace.root, state.provenance, workspace.signing_key)


class DerivedPictures:
    """The pictures that files are made from, in files whose content was hashed just now."""

    def __init__(self, workspace: Workspace, paths: frozenset[str]) -> None:
        self._workspace = workspace
        entries = workspace.locked().entries
        self._masters = {asset: (entry.content, entry.output) for asset, entry in entries.items()}
        self._terms = {asset: source_term(entry) for asset, entry in entries.items()}
        outputs = frozenset(output for _, output in self._masters.values())
        self._outputs = workspace.outputs(outputs)
        self._sources = workspace.sources(paths)
        self._asking = threading.Lock()

    def world(self, lines: LockLines) -> UnitWorld:
        """What units are made from."""
        return UnitWorld(self.master, self.file_at, lines, self.text_at, self._terms)

    def master(self, asset: AssetId) -> Master | None:
        """The locked picture of an asset, from its output or any other source."""
        if asset not in self._masters:
            return None
        content, output = self._masters[asset]
        path = self.file_at(output, content)
        if path is None:
            with self._asking:  # git and the store are asked by one thread at a time
                path = self._outputs.fetch(content, output)
        return Master(asset, content, path) if path is not None else None

    def file_at(self, path: str, content: ContentHash) -> Path | None:
        """The file at a path if it has this content."""
        file = self._workspace.root / path
        return file if not file.is_symlink() and disk.holds(file, content) else None

    def text_at(self, path: str) -> str:
        """The text of a data file that was made earlier; "" if it cannot be read."""
        try:
            return disk.plain_bytes(self._workspace.root / path, most=_TEXT_LIMIT).decode("utf-8", "replace")
        except (OSError, DiskError):
            return ""

    def fetch(self, content: ContentHash, path: str, folder: Path) -> Path | None:
        """A copy of the bytes of a derived file from the store, Git LFS or the git history."""
        with self._asking:
            source = self._sources.fetch(content, path)
        if source is None:
            return None
        copy = folder / "restored"
        with disk.naming_errors("write", copy):
            shutil.copyfile(source, copy)
        return copy if disk.holds(copy, content) else None


class _Stopping:
    """The first Ctrl-C lets the units that are being made end; the second ends their processes."""

    def __init__(self, say: Callable[[str], None], deriver: Deriver) -> None:
        self.requested = False
        self._said = False
        self._say = say
        self._deriver = deriver

    def asked(self) -> bool:
        """Whether the user stops the run. Says so once: a handler may not print, since it may interrupt printing."""
        if self.requested and not self._said:
            self._said = True
            self._say("stopping: the files being made are finished, no new ones are begun; Ctrl-C again stops at once")
        return self.requested

    @contextmanager
    def on(self) -> Iterator[None]:
        """Handle SIGINT and SIGTERM while files are made."""
        before = {number: signal.signal(number, self._signalled) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _signalled(self, _number: int, _frame: FrameType | None) -> None:
        if self.requested:
            self._deriver.close()
            return
        self.requested = True
