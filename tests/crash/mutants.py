"""Deliberate faults in the protocol of the paid call, as text patches: a sweep that lets one live is not finished.

    python -m tests.crash.mutants      prints the table: which sweep found each, and after how many points

Not here: closing the journal before the lockfile is saved. It was tried and is harmless, since an output whose bytes
the store has for its recipe is adopted for nothing.
"""

from __future__ import annotations

import functools
import shutil
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

from tests.crash.jobs import job_apply
from tests.crash.rules import AFTER_A_KILL, Rule, billed_once
from tests.crash.scenario import paid_apply
from tests.crash.sweep import cut_sweep, kill_sweep
from tests.crash.sweep_result import Swept
from tests.crash.tree import in_memory
from tests.crash.world import World

PACKAGE = Path(__file__).resolve().parents[2] / "reconciler"


class Finder(Enum):
    """Which sweep must find it."""

    KILL = "kill"
    CUT = "cut"


@dataclass(frozen=True, slots=True)
class Mutant:
    """In `file`, the text `old`, which must be there exactly once, becomes `new`.

    `faults` are the gateway's while it is hunted, `rules` those that it must break where others would break by them.
    `late`: it takes hundreds of points to find it, too many for the suite. `scenario` is the apply that it shows in,
    where that is another one than of two images.
    """

    name: str
    finder: Finder
    file: str
    old: str
    new: str
    faults: Mapping[str, Sequence[str]] = field(default_factory=dict)
    rules: tuple[Rule, ...] | None = None
    late: bool = False
    scenario: Callable[..., AbstractContextManager[World]] | None = None


MUTANTS = (
    Mutant(
        "no fsync of files", Finder.CUT, "store/disk.py",
        "    if _FULL_SYNC is None:\n        os.fsync(fd)\n",
        "    if _FULL_SYNC is None:\n        if stat.S_ISDIR(os.fstat(fd).st_mode):\n            os.fsync(fd)\n",
    ),
    Mutant(
        "no fsync of folders", Finder.CUT, "store/disk.py",
        "    try:\n        sync(folder)\n", "    try:\n        pass\n",
    ),
    Mutant(
        "a new folder is not synced in its parent", Finder.CUT, "store/disk.py",
        "            fsync_dir(directory.parent)\n", "",
    ),
    Mutant(
        "the rename of paid bytes is not synced", Finder.CUT, "store/disk.py",
        "        sync_folder(folder)  # the rename is only durable once the directory is; an old name",
        "        # an old name",
    ),
    Mutant(
        "the journal is not synced", Finder.CUT, "store/disk.py",
        "            write_all(self._fd, data)\n            sync(self._fd)\n",
        "            write_all(self._fd, data)\n",
    ),
    Mutant(
        "write in place", Finder.CUT, "store/disk.py",
        "        with written(folder, path.name, chunks, mode=0o666 if mode is None else mode, keep=keep) as temp:\n"
        "            replace_name(folder, temp, path.name)\n",
        "        with opened(path.name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666, folder=folder) as fd:\n"
        "            write_all(fd, b''.join(chunks))\n            sync(fd)\n        sync_folder(folder)\n",
    ),
    Mutant(
        "intent after send", Finder.KILL, "engine/lane/recorded.py",
        '        await self._begin(attempt, request)\n'
        '        # a cancellation or a local error from here on: no end is recorded, so the attempt is in doubt\n'
        '        try:\n'
        '            outcome = await self._inner.generate(named, on_response=on_response)\n',
        '        try:\n            outcome = await self._inner.generate(named, on_response=on_response)\n'
        '            await self._begin(attempt, request)\n',
    ),
    Mutant(
        "the answer is forgotten", Finder.KILL, "core/events.py",
        "                    answers[asked.asset] = _answered(answers.get(asked.asset), asked, event)\n",
        "                    pass\n",
        faults={"image0": ("empty_data", "ok")},
    ),
    Mutant(
        "recorded before stored", Finder.KILL, "engine/lane/ends.py",
        "        path = self._store.put(done.spooled)  # its DiskError names the rescue file\n        try:\n",
        "        early = StoredImage(content, done.image, made, request.attempt, misfit)\n"
        "        self._journal.record(end_of(request.attempt, request.asset, request.key, early))\n"
        "        path = self._store.put(done.spooled)  # its DiskError names the rescue file\n        try:\n",
    ),
    Mutant(
        "no checksum", Finder.CUT, "store/state/journal.py",
        "    if data[end : end + 1] != b\"\\n\":\n        return None\n"
        "    payload = data[head.end() : end]\n    sound = zlib.crc32(payload) == int(head[2], 16)\n",
        "    payload = data[head.end() : end]\n    sound = True\n",
        late=True,
    ),
    Mutant(
        "the journal forgets what is in doubt", Finder.KILL, "project/workspace.py",
        "        self.journal.close_with(settle(Lock(), of_requests(self.journal.replay())).unended)\n",
        "        self.journal.close_with(())\n",
    ),
    Mutant(
        "paid bytes are not synced", Finder.CUT, "store/objects/spool.py",
        "            self._unsynced.add(path)  # until the disk has said yes\n            disk.sync(fd)\n",
        "            self._unsynced.add(path)  # until the disk has said yes\n",
    ),
    Mutant(
        "retry on 500", Finder.KILL, "engine/lane/retrying.py",
        "        case NotSent(final=False):\n            return 0.0\n",
        "        case NotSent(final=False):\n            return 0.0\n"
        "        case _ if type(outcome).__name__ == \"InDoubt\":\n            return 0.0\n",
        faults={"image0": ("500", "ok")}, rules=(billed_once,),
    ),
    Mutant(
        "a job is looked at before it is recorded", Finder.KILL, "engine/lane/jobs.py",
        "        await run_to_completion(None, self._journal.record, accepted)\n",
        "        outcome = await self.finish(request, job, on_response=on_response)\n"
        "        await run_to_completion(None, self._journal.record, accepted)\n"
        "        return outcome\n",
        scenario=job_apply, late=True,
    ),
    Mutant(
        "jobs of earlier runs are not collected", Finder.KILL, "project/apply.py",
        "        if _collected(workspace, proposal, options, callbacks, environ):\n", "        if proposal is None:\n",
        scenario=job_apply, late=True,
    ),
)  # fmt: skip


def plant(mutant: Mutant, folder: Path) -> Path:
    """A copy of the package with this one fault; the folder to import it from. What is compiled is copied, too: a
    compiled module is that of a source with its time and size."""
    shutil.copytree(PACKAGE, folder / "reconciler")
    schemas = PACKAGE.parent / "schemas"
    if schemas.is_dir():
        shutil.copytree(schemas, folder / "schemas")
    path = folder / "reconciler" / mutant.file
    text = path.read_text()
    if text.count(mutant.old) != 1:
        raise LookupError(
            f"{mutant.file} has changed: the mutant {mutant.name!r} finds {text.count(mutant.old)} places"
        )
    path.write_text(text.replace(mutant.old, mutant.new))
    for compiled in path.parent.glob(f"__pycache__/{path.stem}.*.pyc"):
        compiled.unlink()
    return folder


def hunt(mutant: Mutant, folder: Path, *, workers: int = 2) -> Swept:
    """Sweep two images until the mutant shows, or to the end."""
    planted = plant(mutant, Path(tempfile.mkdtemp(prefix="mutant-", dir=folder)))
    scenario: Callable[[Path], AbstractContextManager[World]]
    scenario = functools.partial(paid_apply, package=planted, images=2, concurrency=2, faults=mutant.faults)
    if mutant.scenario is not None:
        scenario = functools.partial(mutant.scenario, package=planted)
    if mutant.finder is Finder.KILL:
        return kill_sweep(scenario, folder, enough=1, workers=workers, rules=mutant.rules or AFTER_A_KILL)
    return cut_sweep(scenario, folder, limit=3000, enough=1, workers=workers)


def main() -> int:
    """The table."""
    living = points = 0
    with tempfile.TemporaryDirectory(dir=in_memory()) as folder:
        for mutant in MUTANTS:
            swept = hunt(mutant, Path(folder))
            living += not swept.violations
            points += swept.points
            words = swept.violations[0].words[0] if swept.violations else "LIVES"
            print(f"{mutant.name:42}  {mutant.finder.value:4}  point {swept.points:4}  {words}", flush=True)
    print(f"{len(MUTANTS)} mutants, {points} points, {living} living")
    return 1 if living else 0


if __name__ == "__main__":
    sys.exit(main())
