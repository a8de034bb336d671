"""A project in memory around one apply: its specs, lockfile, output files, store, and a scripted paid provider."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from reconciler.core.digest import AssetId, ContentHash
from reconciler.core.events import Durable, Requested, settle
from reconciler.core.lock.lockfile import Lock, LockEntry
from reconciler.core.plan.actions import Consent
from reconciler.core.plan.plan import Plan
from reconciler.core.plan.policy import Policy
from reconciler.core.ports import InTheWay, Placed
from reconciler.core.specs.settings import Settings
from reconciler.core.specs.spec import Spec
from reconciler.engine.apply import Run
from reconciler.engine.context import ApplyContext
from reconciler.engine.lockfile_saver import LockfileSaver
from reconciler.engine.references import LocalReferences
from reconciler.engine.report import Line, Report
from reconciler.project.converter import LazyConverter
from reconciler.testing.memory_ports import MemoryStore
from tests.builders import PROVIDERS, bytes_of, planned, seen
from tests.engine import paid
from tests.engine.clock import VIRTUAL, now, play
from tests.engine.paid import Scripted

TRAITS = Settings(providers=PROVIDERS).traits()


class Files:
    """The image files of a working tree, as names of bytes by path. `kept` are bytes that no output holds. `placing` is
    called with each path before it is written: somebody may meanwhile do something else."""

    def __init__(self, files: Mapping[str, str], kept: Iterable[str], store: MemoryStore) -> None:
        self.files = {path: bytes_of(got) for path, got in files.items()}
        self.kept = set(map(bytes_of, kept))
        self.store = store
        self.placing: Callable[[str], None] = lambda _: None

    def fetch(self, content: ContentHash, path: str) -> Path | None:
        return Path(path) if self.files.get(path) == content or self._had(content) else None

    def place(
        self, content: ContentHash, path: str, *, expect: ContentHash | None, locked_for: str
    ) -> Placed | InTheWay:
        self.placing(path)
        found = self.files.get(path)
        if found not in (content, expect):
            return InTheWay(found)
        assert self._had(content) or content in (found, self.files.get(locked_for)), "these bytes are nowhere"
        self.files[path] = content
        return Placed()

    def vacate(self, path: str, *, expect: ContentHash) -> Placed | InTheWay:
        if self.files.get(path, expect) != expect:
            return InTheWay(self.files[path])
        self.files.pop(path, None)
        return Placed()

    def _had(self, content: ContentHash) -> bool:
        return content in self.kept or self.store.find(content) is not None


class LockInMemory:
    """`assets.lock`, and how often it was saved."""

    def __init__(self, lock: Lock) -> None:
        self.lock = lock
        self.saves = 0

    def update(self, events: Iterable[Durable]) -> None:
        self.lock = settle(self.lock, events).lock
        self.saves += 1


@dataclass
class Project:
    """What there is before an apply; `apply` plans it and carries the plan out in virtual time."""

    specs: Iterable[Spec]
    lock: Lock = field(default_factory=Lock)
    there: Mapping[str, str] = field(default_factory=dict)
    kept: Iterable[str] = ()
    inner: Scripted = field(default_factory=Scripted)
    in_doubt: tuple[Requested, ...] = ()
    reference_files: Mapping[str, ContentHash] = field(default_factory=dict)
    observed: Mapping[str, Any] = field(default_factory=dict)
    world: paid.World = field(init=False)
    files: Files = field(init=False)
    saved: LockInMemory = field(init=False)
    run: Run = field(init=False)

    def __post_init__(self) -> None:
        self.world = paid.World(self.inner)
        self.files = Files(self.there, self.kept, self.world.store)
        self.saved = LockInMemory(self.lock)

    def plan(self, *, policy: Policy) -> Plan:
        doubts = {one.asset: tuple(each for each in self.in_doubt if each.asset == one.asset) for one in self.in_doubt}
        sources = [(got, entry.output) for entry in self.lock.entries.values() for got in self.kept]
        there = seen(self.there, sources=sources, in_doubt=doubts, files=self.reference_files, **self.observed)
        return planned(self.specs, self.lock, there, policy=policy)

    def apply(
        self,
        *consents: Consent,
        stop_at: float | None = None,
        play: Callable[[Coroutine[Any, Any, Report]], Report] = play,
        **policy: Any,
    ) -> dict[str, Line]:
        """The result of each asset. `stop_at`: Ctrl-C at that second."""
        agreed = frozenset(consents)
        plan = self.plan(policy=Policy(consents=agreed, **policy))
        report = play(self._story(plan, agreed, stop_at))
        return {line.asset: line for line in report.lines}

    async def _story(self, plan: Plan, agreed: frozenset[Consent], stop_at: float | None) -> Report:
        saver = LockfileSaver(self.saved, clock=now)
        context = ApplyContext(
            store=self.world.store,
            outputs=self.files,
            converter=LazyConverter(self.world.store),
            references=LocalReferences(),
            journal=self.world.journal,
            progress=self.world.progress,
            lockfile_saver=saver,
            providers=dict.fromkeys(TRAITS, self.world.provider),
            traits=TRAITS,
            files=self.reference_files,
            in_doubt=self.in_doubt,
            utc=VIRTUAL.utc,
            drains=(self.world.lane.drain,),
            consents=agreed,
        )
        self.run = Run(plan, self.lock, context)
        if stop_at is not None:
            asyncio.get_running_loop().call_later(stop_at, self.run.stop)
        report = await self.run.run()
        await saver.save()
        return report

    def locked(self, asset: str) -> LockEntry:
        return self.saved.lock.entries[AssetId(asset)]
