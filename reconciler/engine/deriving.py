"""Carry out a plan of derived files: units in threads, their files put in place in batches, the lock saved with each.

A batch is recorded before its files are renamed, and the lock is saved after. A death at any moment costs work only.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from pathlib import Path
from typing import Protocol

from reconciler.core.derived.decide_files import FileConflict, MakeFile, RemoveFile, RestoreFile
from reconciler.core.derived.derived_lock import DerivedLine
from reconciler.core.derived.derived_plan import DerivedPlan, FileStep, SetStep
from reconciler.core.derived.derived_report import DerivedReport
from reconciler.core.derived.units import LockLines, UnitWorld, line_of, making, unit_of
from reconciler.core.derived.work import DerivedResult, DeriveFailure, MadeFile, MadeFiles
from reconciler.core.digest import ContentHash
from reconciler.core.errors import DiskError, ReconcilerError
from reconciler.core.ports import DerivedOutputs, DerivedPlacement, DerivedRecords, Deriver, InTheWay
from reconciler.core.value import field, replace, value

BATCH_SECONDS = 2.0
"""The longest time that a finished file waits for its batch."""
_SHARE = 20
"""After a batch, wait this many times as long as it took: about 5 % of the run time."""
_BATCH_FILES = 2_000


class DerivingProgress(Protocol):
    """The display of a run."""

    def made(self, name: str, paths: tuple[str, ...]) -> None:
        """The files of a unit are done."""
        ...

    def failed(self, name: str, failure: DeriveFailure) -> None:
        """A unit was not made."""
        ...

    def close(self) -> None:
        """Nothing more is made."""
        ...


Fetch = Callable[[ContentHash, str, Path], Path | None]
"""A copy, in a folder, of the bytes that were locked for a path; None if no source has them."""


@value
class DerivingWorld:
    """What a run needs. `progress` opens the display for a number of files. `jobs` is the number of units at a time.
    `stopped` is asked before each unit."""

    deriver: Deriver
    outputs: DerivedOutputs
    records: DerivedRecords
    unit_world: Callable[[LockLines], UnitWorld]
    fetch: Fetch
    progress: Callable[[int], DerivingProgress]
    jobs: int = 1
    stopped: Callable[[], bool] = lambda: False
    clock: Callable[[], float] = time.monotonic


@value
class _Finished:
    """A unit whose files wait to be put in place."""

    step: SetStep
    placements: tuple[DerivedPlacement, ...]
    lines: Mapping[str, DerivedLine]
    notes: tuple[str, ...] = field(default=())


class Deriving:
    """One run over a plan. `plan` is the whole one, `chosen` its steps that are carried out."""

    def __init__(self, plan: DerivedPlan, world: DerivingWorld, *, local: frozenset[str]) -> None:
        self._world = world
        self._lines, self._local = recorded_lines(plan, local)
        self._ignoring = {path.rpartition("/")[0] for name in local for path in self._lines.get(name, {})}
        self._batch: list[_Finished] = []
        self._failures: list[tuple[str, DeriveFailure]] = []
        self._conflicts: list[str] = []
        self._notes: list[str] = []
        self._made = self._restored = self._removed = 0
        self._due = 0.0
        self._disk: ReconcilerError | None = None

    def run(self, chosen: tuple[SetStep, ...]) -> DerivedReport:
        """Carry the steps out: the files of assets, then removals, then bundles. A disk that refuses ends the run, and
        is in the report; what was finished before stays."""
        self._conflicts += [
            each.path for step in chosen for each in step.files if isinstance(each.action, FileConflict)
        ]
        self._progress = self._world.progress(sum(step.count(MakeFile, RestoreFile) for step in chosen))
        left = self._units([step for step in chosen if step.wanted is not None and step.bundle is None])
        if not self._ended:
            self._remove(chosen)
            left += self._units([step for step in chosen if step.bundle is not None])
        ignore = self._save()
        self._progress.close()
        return DerivedReport(
            self._made,
            self._restored,
            self._removed,
            tuple(self._failures),
            tuple(dict.fromkeys(self._conflicts)),
            tuple(self._notes),
            ignore,
            left,
        )

    @property
    def _ended(self) -> bool:
        return self._disk is not None or self._world.stopped()

    def _units(self, steps: list[SetStep]) -> int:
        """Make and restore the files of these steps; how many units were left."""
        waiting = deque(step for step in steps if _has_work(step))
        running: dict[Future[_Finished | DeriveFailure], SetStep] = {}
        if not waiting:
            return 0
        with ThreadPoolExecutor(self._world.jobs, thread_name_prefix="derive") as pool:
            while running or (waiting and not self._ended):
                while waiting and len(running) < 2 * self._world.jobs and not self._ended:
                    step = waiting.popleft()
                    running[pool.submit(self._unit, step)] = step
                for future in wait(running, timeout=BATCH_SECONDS, return_when=FIRST_COMPLETED).done:
                    self._take(running.pop(future), future)
                self._flush_if_due()
        self._flush()
        return len(waiting)

    def _unit(self, step: SetStep) -> _Finished | DeriveFailure:
        """The files of one unit, in its folder. Runs in a thread."""
        placements, lines, rest = self._restored_files(step)
        if not making(rest):
            return _Finished(step, placements, lines)
        work = unit_of(rest, self._world.outputs.unit_folder(), self._world.unit_world(self._lines))
        result: DerivedResult = work if isinstance(work, DeriveFailure) else self._world.deriver.derive(work)
        if isinstance(result, DeriveFailure):
            return result
        made, new = _placed(rest, result)
        return _Finished(rest, (*placements, *made), {**lines, **new}, result.notes)

    def _restored_files(self, step: SetStep) -> tuple[tuple[DerivedPlacement, ...], dict[str, DerivedLine], SetStep]:
        """The files whose recorded bytes a source has, their lines, and the step in which all others are made."""
        placements: list[DerivedPlacement] = []
        lines: dict[str, DerivedLine] = {}
        files: list[FileStep] = []
        for each in step.files:
            action = each.action
            if isinstance(action, RestoreFile) and each.line is not None:
                copy = self._world.fetch(action.content, each.path, self._world.outputs.unit_folder())
                if copy is not None:
                    placements.append(DerivedPlacement(copy, each.path, action.content, action.replacing))
                    lines[each.path] = each.line
                else:
                    action = MakeFile(action.replacing)
            files.append(replace(each, action=action))
        return tuple(placements), lines, replace(step, files=tuple(files))

    def _take(self, step: SetStep, future: Future[_Finished | DeriveFailure]) -> None:
        try:
            result = future.result()
        except ReconcilerError as error:
            self._disk = error
            result = DeriveFailure(error.fact, error.hint)
        except OSError as error:
            self._disk = DiskError(f"cannot use {error.filename or 'a file'}: {(error.strerror or str(error)).lower()}")
            result = DeriveFailure(self._disk.fact)
        if isinstance(result, DeriveFailure):
            self._failures.append((step.name, result))
            self._progress.failed(step.name, result)
        else:
            self._batch.append(result)

    def _flush_if_due(self) -> None:
        now = self._world.clock()
        full = sum(len(one.placements) for one in self._batch) >= _BATCH_FILES
        if self._batch and (full or now >= self._due):
            self._flush()
            ended = self._world.clock()
            self._due = ended + max(BATCH_SECONDS, (ended - now) * _SHARE)

    def _flush(self) -> None:
        """Record the batch, put its files in place, and save the lock."""
        batch, self._batch = self._batch, []
        if not batch or self._disk is not None:
            return
        try:
            sources = [one.source for each in batch for one in each.placements]
            self._world.records.begin({each.step.name: each.lines for each in batch}, sources)
            for each in batch:
                self._place(each)
            self._save()
        except ReconcilerError as error:
            self._disk = error
            self._failures.append((batch[0].step.name, DeriveFailure(error.fact, error.hint)))

    def _place(self, each: _Finished) -> None:
        groups = (each.placements,) if each.step.bundle is not None else ((one,) for one in each.placements)
        done: list[str] = []
        for group in groups:
            answers = self._world.outputs.place(group)
            wrong = [one.path for one, found in zip(group, answers, strict=True) if isinstance(found, InTheWay)]
            self._conflicts += wrong
            if not wrong:
                done += [one.path for one in group]
        restored = {one.path for one in each.step.files if isinstance(one.action, RestoreFile)}
        self._restored += len(restored.intersection(done))
        self._made += len(done) - len(restored.intersection(done))
        block = self._lines.setdefault(each.step.name, {})
        stale = block.keys() - each.lines.keys() if each.step.bundle is not None and done else ()
        block |= {path: each.lines[path] for path in done}
        for path in sorted(stale):
            self._remove_file(each.step.name, path, block[path].content)
        self._notes += [f"{each.step.name}: {note}" for note in each.notes]
        self._progress.made(each.step.name, tuple(done))

    def _remove(self, chosen: tuple[SetStep, ...]) -> None:
        """Remove what nothing derives any more."""
        for step in chosen:
            for each in step.files:
                if isinstance(each.action, RemoveFile) and each.action.content is not None:
                    self._remove_file(step.name, each.path, each.action.content)
                elif isinstance(each.action, RemoveFile):
                    self._lines[step.name].pop(each.path, None)

    def _remove_file(self, name: str, path: str, content: ContentHash) -> None:
        try:
            if isinstance(self._world.outputs.remove(path, expect=content), InTheWay):
                self._conflicts.append(path)
                return
        except ReconcilerError as error:
            self._failures.append((name, DeriveFailure(error.fact, error.hint)))
            return
        self._lines[name].pop(path, None)
        self._removed += 1

    def _save(self) -> tuple[str, ...]:
        """Write the lock; the lines that belong in a .gitignore of the user's own."""
        try:
            missing = self._world.outputs.settle(self._ignored())
            local = {name: block for name, block in self._lines.items() if name in self._local}
            committed = {name: block for name, block in self._lines.items() if name not in self._local}
            self._world.records.save(committed, local)
        except ReconcilerError as error:
            if self._disk is None:
                self._failures.append(("derived.lock", DeriveFailure(error.fact, error.hint)))
            self._disk = self._disk or error
            return ()
        return missing

    def _ignored(self) -> dict[str, list[str]]:
        """The names that git ignores, by folder. A folder without any more stands with none."""
        names: dict[str, list[str]] = {folder: [] for folder in self._ignoring}
        for name in self._local:
            for path in self._lines.get(name, {}):
                folder, _, base = path.rpartition("/")
                names.setdefault(folder, []).append(base)
        return names


def recorded_lines(plan: DerivedPlan, local: frozenset[str]) -> tuple[dict[str, dict[str, DerivedLine]], set[str]]:
    """The lines as they are now, each in the set that asks for it; and the sets whose lines are not committed. `local`
    are those whose lines are not committed now."""
    lines: dict[str, dict[str, DerivedLine]] = {}
    apart = set(local)
    for step in plan.steps:
        if step.wanted is not None and step.wanted.commit:
            apart.discard(step.name)
        elif step.wanted is not None:
            apart.add(step.name)
        block = lines.setdefault(step.name, {})
        block |= {each.path: each.line for each in step.files if each.line is not None}
    return lines, apart


def _has_work(step: SetStep) -> bool:
    blocked = step.bundle is not None and step.count(FileConflict)
    return not blocked and any(isinstance(each.action, (MakeFile, RestoreFile)) for each in step.files)


def _placed(step: SetStep, result: MadeFiles) -> tuple[tuple[DerivedPlacement, ...], dict[str, DerivedLine]]:
    """Where the files of a unit go, and their lines."""
    steps: dict[str, FileStep] = {each.path: each for each in step.files}
    placements: list[DerivedPlacement] = []
    lines: dict[str, DerivedLine] = {}
    for made in _data_last(result.files):
        each = steps.get(made.output)
        key = step.key or (each.key if each is not None else None)
        assert key is not None
        expect = each.action.replacing if each is not None and isinstance(each.action, MakeFile) else None
        placements.append(DerivedPlacement(made.path, made.output, made.content, expect))
        lines[made.output] = line_of(made, key)
    return tuple(placements), lines


def _data_last(files: tuple[MadeFile, ...]) -> Iterator[MadeFile]:
    """Pictures before texts, which refer to them."""
    yield from (one for one in files if one.width)
    yield from (one for one in files if not one.width)
