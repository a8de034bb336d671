"""A scripted provider and the smallest world around it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

from reconciler.core.digest import AssetId, content_hash
from reconciler.core.events import Ended, Noted, Requested, Stored
from reconciler.core.images.sniff import ImageFacts
from reconciler.core.money.cost import Cost
from reconciler.core.outcome import Done, Outcome, Spooled
from reconciler.core.ports import ImageRequest, OnResponse, Provider, ignore_response
from reconciler.core.recipe import Recipe
from reconciler.core.specs.settings import Budget, ProviderSettings
from reconciler.engine.lane.budget import Spending, Unpriced
from reconciler.engine.lane.build import PaidRun, open_lane, paid
from reconciler.engine.lane.lane import Lane
from reconciler.testing.memory_ports import MemoryStore, RecordingLog
from tests.engine.clock import VIRTUAL, now

PRICE = Cost(Decimal("0.10"))


def a_request(asset: str = "hero") -> ImageRequest:
    recipe = Recipe(prompt=asset, model="m")
    return ImageRequest(AssetId(asset), recipe, recipe.key())


def a_spooled(name: str = "hero", folder: Path = Path("/spool")) -> Spooled:
    data = name.encode()
    return Spooled(folder / name, content_hash(data), len(data))


def a_done(name: str = "hero", *, cost: Cost | None = None) -> Done:
    return Done(a_spooled(name), ImageFacts("png", 1, 1, 4), model="m-1", request="req-1", cost=cost)


class Scripted:
    """Answers each request with the asset's next outcome after `seconds`, and then has `landing` seconds of work with
    it. Its ledger is what a server would see."""

    def __init__(
        self,
        script: Mapping[str, Iterable[Outcome]] | None = None,
        *,
        seconds: Callable[[str], float] = lambda _: 1.0,
        landing: float | None = None,
    ) -> None:
        self._script = {asset: list(outcomes) for asset, outcomes in (script or {}).items()}
        self._seconds = seconds
        self._landing = landing
        self.ledger: list[tuple[str, float]] = []
        self.given: list[tuple[str, Outcome]] = []
        self.in_flight = 0
        self.most = 0

    async def generate(self, request: ImageRequest, *, on_response: OnResponse = ignore_response) -> Outcome:
        self.ledger.append((request.asset, now()))
        self.in_flight += 1
        self.most = max(self.most, self.in_flight)
        try:
            await asyncio.sleep(self._seconds(request.asset))
        finally:
            self.in_flight -= 1
        if self._landing is not None:
            on_response()
            await asyncio.sleep(self._landing)
        left = self._script.get(request.asset, [])
        outcome = left.pop(0) if left else a_done(request.asset)
        self.given.append((request.asset, outcome))
        return outcome

    @property
    def assets(self) -> list[str]:
        return [asset for asset, _ in self.ledger]

    @property
    def times(self) -> list[float]:
        return [time for _, time in self.ledger]


class MovingStore(MemoryStore):
    """Takes files over under names of its own, as the real one does. Nothing is written."""

    def __init__(self) -> None:
        super().__init__(Path("/store"))

    def put(self, spooled: Spooled) -> Path:
        self.objects[spooled.content] = self.directory / spooled.content
        return self.objects[spooled.content]


class Written(RecordingLog):
    """A journal or a screen, with what tests ask it."""

    @property
    def notes(self) -> list[str]:
        return [event.text for event in self.events if isinstance(event, Noted)]

    @property
    def in_doubt(self) -> set[str]:
        begun = {event.attempt for event in self.events if isinstance(event, Requested)}
        return begun - {event.attempt for event in self.events if isinstance(event, Ended | Stored)}


@dataclass
class World:
    """One lane around one scripted provider, everything else at its default. Make it inside `play`, or before."""

    inner: Scripted
    concurrency: int = 4
    requests_per_minute: int = 0
    budget: Budget = field(default_factory=Budget)
    unpriced: Unpriced = Unpriced.HOLD
    price: Callable[[str], Cost | None] = lambda _: PRICE
    jitter: float = 1.0
    store: MemoryStore = field(default_factory=MovingStore)
    journal: Written = field(default_factory=Written)
    progress: Written = field(default_factory=Written)
    lane: Lane = field(init=False)
    provider: Provider = field(init=False)
    spending: Spending = field(init=False)
    run: PaidRun = field(init=False)

    def __post_init__(self) -> None:
        numbers = iter(range(1, 1_000_000))
        self.spending = Spending(self.budget, unpriced=self.unpriced)
        self.run = PaidRun(
            store=self.store,
            journal=self.journal,
            progress=self.progress,
            spending=self.spending,
            clock=VIRTUAL,
            jitter=lambda: self.jitter,
            new_attempt=lambda: f"a{next(numbers)}",
        )
        settings = ProviderSettings(
            "gravitex", "gravitex", concurrency=self.concurrency, requests_per_minute=self.requests_per_minute
        )
        self.lane = open_lane(settings, run=self.run)
        self.provider = paid(self.inner, lane=self.lane, run=self.run, estimate=lambda wanted: self.price(wanted.asset))

    async def make(self, *assets: str) -> list[Outcome]:
        return list(await asyncio.gather(*(self.provider.generate(a_request(asset)) for asset in assets)))


def many(count: int) -> list[str]:
    return [f"i{number:03}" for number in range(count)]
