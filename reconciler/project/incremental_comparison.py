"""Compare a branch with its base without reading the specs that differ from neither.

A full comparison leaves a note beside the index: which specs differ from the commit, and what the lockfiles tell. As
long as the index is the one that the note was written for, only those specs and the ones that have changed since are
read. The result must equal that of the full comparison; every other case falls back to it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from typing import Any

from reconciler.core.digest import AssetId
from reconciler.core.lock.entry import LockEntry
from reconciler.core.lock.lockfile import Lock
from reconciler.core.lock.text_merge import split_lock
from reconciler.core.plan.compare import Compared, Version, compare_versions, to_pay
from reconciler.core.plan.plan import Plan
from reconciler.core.specs.expand import expand_file
from reconciler.core.specs.spec import FileReference, Spec
from reconciler.core.value import replace, value
from reconciler.project.incremental_plan import (
    MAX_CHANGED,
    UNCERTAIN,
    ProjectPart,
    contents_known,
    entry_in,
    needs_more,
    read_part,
)
from reconciler.project.workspace import Workspace
from reconciler.store import disk
from reconciler.store.documents.project import LOCK_FILE
from reconciler.store.documents.specs import checked_document
from reconciler.store.index.snapshot import Comparison, compare, signature, spec_kind
from reconciler.store.worktree.git import GitRepository
from reconciler.store.worktree.git_base import BaseCommit, base_commit

_VERSION = 1
_NOTE = "against"
_MOST = 1 << 20
"""Bytes of a note: it names at most `MAX_CHANGED` specs, and the assets that were made or are due."""


@value
class BranchComparison:
    """The differences to the commit `commit`, the merge base with `name`. `broken` counts the files of that commit that
    are not valid: their assets count as absent there. `present` counts the assets here.

    `plan` are the steps to pay for, `made` the entries of the images that were made since, and `currency` that of the
    project's budget.
    """

    name: str
    commit: str
    compared: Compared
    plan: Plan
    made: tuple[tuple[AssetId, LockEntry], ...]
    present: int
    currency: str
    broken: int = 0


def write_comparison(
    workspace: Workspace,
    commit: BaseCommit,
    compared: Compared,
    *,
    differing: Sequence[str],
    specs: Mapping[AssetId, Spec],
    lock: str,
    currency: str,
) -> None:
    """Leave the note of a full comparison, if the next one can use it. `differing` are the spec files that differ from
    the commit, and `lock` the blob of its lockfile, "" if that is equal here. A disk that refuses costs only speed."""
    known = _index(workspace)
    if known is None:
        return
    files = sorted({*differing, *(path for path, _ in known.changed or ())})
    if len(files) > MAX_CHANGED or not _in_our_form(workspace, commit, lock):
        return
    apart = set(files)
    note = {
        "comparison": _VERSION,
        "index": _signature(workspace),
        "commit": commit.commit,
        "files": files,
        "lock": lock,
        "made": list(compared.made),
        "due": [asset for asset in compared.due if specs[asset].file not in apart],
        "assets": len(specs),
        "currency": currency,
    }
    data = json.dumps(note).encode()
    if len(data) <= _MOST:
        disk.write_cache(workspace.state / _NOTE, data)


def _in_our_form(workspace: Workspace, commit: BaseCommit, lock: str) -> bool:
    """Whether both lockfiles are in the form in which single entries are found."""
    texts = [
        disk.plain_bytes(workspace.root / LOCK_FILE),
        *commit.repository.small_blobs([lock] if lock else []).values(),
    ]
    return all(split_lock(text.decode("utf-8", "replace")) is not None for text in texts)


def compare_incrementally(workspace: Workspace, name: str) -> BranchComparison | None:
    """The comparison with the commit at which this branch and `name` began; None to compare in full."""
    try:
        note = _note(workspace)
        known = _index(workspace) if note is not None else None
        if note is None or known is None:
            return None
        commit = base_commit(GitRepository(workspace.root), name)
        files = sorted({*note["files"], *(path for path, _ in known.changed or ())})
        if commit.commit != note["commit"] or len(files) > MAX_CHANGED:
            return None
        return _compared(workspace, known, commit, note, name=name, files=files)
    except UNCERTAIN:
        return None


def _compared(
    workspace: Workspace,
    known: Comparison,
    commit: BaseCommit,
    note: Mapping[str, Any],
    *,
    name: str,
    files: Sequence[str],
) -> BranchComparison | None:
    with disk.open_for_reading(workspace.root / LOCK_FILE) as file:
        text = file.read()
    entries = {AssetId(asset): entry_in(text, AssetId(asset)) for asset in note["made"]}
    made = tuple((asset, entry) for asset, entry in entries.items() if entry is not None)
    differences: tuple[Compared, Plan] | None = (Compared(), Plan(())) if not files else None
    if files:
        was = commit.repository.small_blobs([note["lock"]])[note["lock"]] if note["lock"] else text
        differences = _differences(workspace, known, commit, files, locks=(was, text))
    if differences is None or len(made) < len(entries):
        return None
    compared, plan = differences
    due = tuple(sorted({*map(AssetId, note["due"]), *compared.due}))
    compared = replace(compared, made=tuple(entries), due=due)
    steps, present, currency = to_pay(compared, plan), int(note["assets"]), str(note["currency"])
    return BranchComparison(name, commit.commit, compared, steps, made, present, currency)


def _differences(
    workspace: Workspace, known: Comparison, commit: BaseCommit, files: Sequence[str], *, locks: tuple[bytes, bytes]
) -> tuple[Compared, Plan] | None:
    """The differences in these files, and the plan of their assets. `locks` are the texts of the lockfiles, the older
    one first."""
    here = {f"{folder}/{name}" for folder, name in _names(known)}
    present = [path for path in files if path in here]
    part = read_part(workspace.root, known.snapshot, present) if present else None
    plan = part.plan() if part is not None else None
    old = _specs_before(part, commit, files) if part is not None else None
    if part is None or plan is None or old is None:
        return None
    references = {*_files(old), *_files(part.specs)}
    contents = contents_known(known.snapshot, references)
    if len(contents) < len(references):
        return None
    traits = part.project.settings.traits()
    before, now = (
        Version(specs, _lock(text, specs), contents, traits)
        for specs, text in zip((old, part.specs), locks, strict=True)
    )
    return compare_versions(before, now), plan


def _specs_before(part: ProjectPart, commit: BaseCommit, files: Sequence[str]) -> dict[AssetId, Spec] | None:
    """The assets of these files in the commit; None where they need other assets, or are not valid."""
    listed = commit.listing(files)
    texts = commit.contents(listed)
    folder = part.project.settings.specs
    specs: dict[AssetId, Spec] = {}
    for path in sorted(listed):
        document, wrong = checked_document(path, "spec", texts[path])
        if document is None or wrong:
            return None
        found, problems = expand_file(part.context, path.removeprefix(f"{folder}/"), document, part.room)
        if problems or any(map(needs_more, found)):
            return None
        specs |= {spec.id: spec for spec in found}
    return dict(sorted(specs.items()))


def _files(specs: Mapping[AssetId, Spec]) -> set[str]:
    """The reference files of these specs."""
    return {one.path for spec in specs.values() for one in spec.pictures() if isinstance(one, FileReference)}


def _lock(text: bytes, assets: Mapping[AssetId, object]) -> Lock:
    """The entries of some assets, from the text of a lockfile."""
    entries = {asset: entry_in(text, asset) for asset in assets}
    return Lock({asset: entry for asset, entry in entries.items() if entry is not None})


def _names(known: Comparison) -> list[tuple[str, str]]:
    names = iter(known.snapshot.names)
    return [(folder, next(names)) for folder, count, _ in known.snapshot.folders for _ in range(count)]


def _index(workspace: Workspace) -> Comparison | None:
    """The project held against the index of its last clean state, if it differs from it in nothing but specs."""
    if workspace.strict:
        return None
    known = compare(str(workspace.root), "plan", index=os.path.relpath(workspace.index.path, workspace.root))
    if known is None or known.changed is None:
        return None
    return known if all(spec_kind(path.rpartition("/")[2]) == "spec" for path, _ in known.changed) else None


def _note(workspace: Workspace) -> dict[str, Any] | None:
    """The note, if it belongs to the index that is there."""
    try:
        note = json.loads(disk.plain_bytes(workspace.state / _NOTE, most=_MOST))
    except FileNotFoundError:
        return None
    fits = isinstance(note, dict) and note.get("comparison") == _VERSION and note.get("index") == _signature(workspace)
    return note if fits else None


def _signature(workspace: Workspace) -> list[int]:
    return list(signature(os.stat(workspace.index.path)))
