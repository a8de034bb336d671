"""Adopt, restore and look at single derived files, by their paths."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from reconciler.core.derived.decide_files import FileConflict, KeepFile, MakeFile, RestoreFile
from reconciler.core.derived.derived_lock import BY_HAND, DerivedLine
from reconciler.core.derived.derived_plan import FileStep, SetStep
from reconciler.core.derived.wanted import AssetSet
from reconciler.core.digest import AssetId, ContentHash
from reconciler.core.images.sniff import ImageFacts, sniff
from reconciler.core.specs.paths import suffix_format
from reconciler.core.text import printable
from reconciler.core.value import replace, value
from reconciler.engine.deriving import recorded_lines
from reconciler.project.derivation import DerivedState, concerns, derived_state_of
from reconciler.project.derive import (
    DeriveCallbacks,
    DerivedRun,
    DeriveOptions,
    carry_out_derived,
    current_sources,
)
from reconciler.project.load import LoadedSpecs, load_specs
from reconciler.project.options import Selection
from reconciler.project.planning import plan_project
from reconciler.project.workspace import Workspace
from reconciler.report.derived_file import derived_file_json
from reconciler.store import disk
from reconciler.store.documents.derived_records import DerivedOnDisk
from reconciler.store.documents.project import DERIVED_LOCK


@value
class DerivedFile:
    """A derived file with its set."""

    step: SetStep
    file: FileStep


@value
class DerivedSession:
    """The derived files of a project, by path."""

    workspace: Workspace
    loaded: LoadedSpecs
    state: DerivedState
    records: DerivedOnDisk
    files: Mapping[str, DerivedFile]


def derived_session(workspace: Workspace) -> DerivedSession:
    """Plan the derived files of the images that there are now. Writes nothing."""
    planned = plan_project(workspace, load_specs(workspace), Selection())
    records = workspace.derived_records()
    state = derived_state_of(
        workspace, planned.loaded, current_sources(planned.plan, planned.loaded.project.settings.provenance), records
    )
    files = {each.path: DerivedFile(step, each) for step in state.plan.steps for each in step.files}
    return DerivedSession(workspace, planned.loaded, state, records, files)


def split_derived(workspace: Workspace, ids: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The paths of derived files among the arguments of a command, and the other arguments."""
    if not (workspace.root / DERIVED_LOCK).exists():
        return (), tuple(ids)
    known = derived_session(workspace).files
    paths = tuple(dict.fromkeys(one.removeprefix("./") for one in ids if one.removeprefix("./") in known))
    return paths, tuple(one for one in ids if one.removeprefix("./") not in known)


def adopt_derived(workspace: Workspace, paths: Sequence[str], *, wait: float) -> tuple[str, ...]:
    """Record these files as they are: a person's work, which no rule replaces. Lines for people."""
    with workspace.exclusive(wait):
        session = derived_session(Workspace(workspace.root, strict=workspace.strict, most_assets=workspace.most_assets))
        lines, local = recorded_lines(session.state.plan, frozenset(session.state.locks.local.sets))
        said = [_adopted(session, session.files[path], lines) for path in paths if path in session.files]
        committed = {name: block for name, block in lines.items() if name not in local}
        session.records.save(committed, {name: block for name, block in lines.items() if name in local})
        return tuple(said)


def _adopted(session: DerivedSession, one: DerivedFile, lines: dict[str, dict[str, DerivedLine]]) -> str:
    shown = printable(one.file.path)
    action, path = one.file.action, session.workspace.root / one.file.path
    if not isinstance(action, FileConflict) or not isinstance(action.found, str):
        return f"{shown}: {_state(one.file)}, there is nothing to adopt"
    if one.file.key is None and one.file.line is not None:
        lines[one.step.name].pop(one.file.path, None)
        return f"{shown}: yours now, derived.lock does not list it any more"
    key = one.file.key or (one.file.line.key if one.file.line is not None else None)
    if key is None:
        return f"{shown}: the image that it is derived from does not exist yet"
    content = ContentHash(action.found)
    data = disk.plain_bytes(path)
    if session.workspace.store.put_file(path) != content:
        return f"{shown} was changed during this command: close the program that writes it, and try again"
    facts = sniff(data)
    named = suffix_format(one.file.path)
    if named is not None and not (isinstance(facts, ImageFacts) and facts.format == named):
        return f"skipped {shown}: it is not a complete {named} image"
    width, height = (facts.width, facts.height) if isinstance(facts, ImageFacts) else (0, 0)
    line = DerivedLine(key, content, len(data), BY_HAND, width, height)
    lines.setdefault(one.step.name, {})[one.file.path] = line
    return f"adopted {shown}: it is left as it is"


def _state(file: FileStep) -> str:
    match file.action:
        case KeepFile():
            return "up to date"
        case FileConflict():
            return "no plain file"
        case _:
            return "not there as a person's work"


def restore_derived(
    workspace: Workspace, paths: Sequence[str], callbacks: DeriveCallbacks, *, wait: float
) -> DerivedRun:
    """Make these files as they should be. The bytes of a person go to the store first."""
    with workspace.exclusive(wait):
        session = derived_session(Workspace(workspace.root, strict=workspace.strict, most_assets=workspace.most_assets))
        steps: dict[str, SetStep] = {}
        for path in paths:
            one = session.files.get(path)
            if one is None:
                continue
            _keep(session, one, callbacks)
            step = steps.get(one.step.name, replace(one.step, files=() if one.step.bundle is None else one.step.files))
            wanted = _restored(one)
            if one.step.bundle is None:
                steps[one.step.name] = replace(step, files=(*step.files, wanted))
            else:
                files = tuple(wanted if each.path == path else _anew(each) for each in step.files)
                steps[one.step.name] = replace(step, files=files)
        plan = session.state.plan
        state = replace(session.state, plan=replace(plan, steps=tuple(steps.values())), all_steps=plan.steps)
        return carry_out_derived(workspace, state, DeriveOptions(), callbacks, session.records)


def _keep(session: DerivedSession, one: DerivedFile, callbacks: DeriveCallbacks) -> None:
    """Copy the bytes of a person into the store before they are replaced."""
    adopted = isinstance(one.file.action, KeepFile) and one.file.line is not None and one.file.line.by_hand
    if adopted or (isinstance(one.file.action, FileConflict) and isinstance(one.file.action.found, str)):
        content = session.workspace.store.put_file(session.workspace.root / one.file.path)
        callbacks.say(f"{printable(one.file.path)}: it replaces {content}, kept in the store")


def _restored(one: DerivedFile) -> FileStep:
    """The step that replaces what is there: the recorded bytes if they are current and somewhere, else new ones."""
    file, action = one.file, one.file.action
    if isinstance(action, KeepFile) and file.line is not None and file.line.by_hand and one.step.wanted is not None:
        return replace(file, action=MakeFile(file.line.content, changed=True))
    if not isinstance(action, FileConflict) or not isinstance(action.found, str) or one.step.wanted is None:
        return file
    found = ContentHash(action.found)
    same = file.line is not None and file.line.key == file.key and not file.line.by_hand
    if same and file.line is not None and one.step.bundle is None:
        return replace(file, action=RestoreFile(file.line.content, found))
    return replace(file, action=MakeFile(found, changed=True))


def _anew(file: FileStep) -> FileStep:
    """The step of another file of a bundle that is made."""
    if isinstance(file.action, KeepFile) and file.line is not None:
        return replace(file, action=MakeFile(file.line.content, changed=True))
    return file


def described_files(workspace: Workspace, paths: Sequence[str]) -> tuple[dict[str, Any], ...]:
    """What is known about these derived files, for programs. Writes nothing."""
    session = derived_session(workspace)
    sources = workspace.sources(frozenset(paths))
    contents = current_contents(session.loaded, workspace)
    described = []
    for path in paths:
        one = session.files[path]
        asset = one.step.wanted.asset if isinstance(one.step.wanted, AssetSet) else None
        elsewhere = sources.places(one.file.line.content, path) if one.file.line is not None else ()
        source = contents.get(asset) if asset is not None else None
        described.append(derived_file_json(one.step, one.file, source=source, elsewhere=elsewhere))
    return tuple(described)


def current_contents(loaded: LoadedSpecs, workspace: Workspace) -> dict[AssetId, ContentHash]:
    """The locked content of each asset that has a spec."""
    entries = workspace.locked().entries
    return {asset: entries[asset].content for asset in loaded.specs if asset in entries}


def derived_outputs(workspace: Workspace, assets: frozenset[AssetId]) -> tuple[str, ...]:
    """The paths of the files that are derived from these assets, as far as they are known."""
    state = derived_session(workspace).state
    made = {each.path for step in state.plan.steps if concerns(step, assets) for each in step.files}
    return tuple(sorted(path for path in made if "." in path.rpartition("/")[2]))
