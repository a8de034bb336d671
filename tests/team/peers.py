"""Several checkouts of one project that buy at once, in virtual time, and may be killed at every step.

A checkout is the engine's layers around a paid service. What a real one keeps on its disk (journal, store, own claims)
outlives a kill; everything else is gone.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Callable, Coroutine, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import IO, Any, TypeVar

from reconciler.core.digest import AssetId, ContentHash, RecipeKey, content_hash
from reconciler.core.events import Durable, Event, settle
from reconciler.core.images.sniff import ImageFacts
from reconciler.core.lock.lockfile import Lock
from reconciler.core.outcome import Done, NotSent, Outcome, Spooled
from reconciler.core.ports import ImageRequest, OnResponse, Provider, StoredImage, ignore_response
from reconciler.core.recipe import Recipe
from reconciler.core.recipe_record import decode_record, encode_record
from reconciler.core.specs.settings import Budget, ProviderSettings
from reconciler.core.team.bucket import Bucket, BucketObject
from reconciler.core.team.claim import decode_claim, decode_claim_end, is_overdue
from reconciler.core.team.layout import claim_of, object_name, receipt_name
from reconciler.core.team.own_claims import OwnClaim, decode_own_claim, encode_own_claim
from reconciler.core.team.receipts import Disbelieved
from reconciler.core.unrecorded import unrecorded
from reconciler.engine.clock import Clock, stamp
from reconciler.engine.lane.budget import Spending
from reconciler.engine.lane.build import PaidRun, open_lane, paid
from reconciler.engine.team.claiming import Claiming
from reconciler.engine.team.context import ClaimOwner, TeamContext, TeamPolicy
from reconciler.engine.team.own_ends import OwnEnds
from reconciler.engine.team.pushes import Pushes
from reconciler.engine.team.shared import SharedWithTeam
from reconciler.engine.team.team_images import ClaimReader
from reconciler.testing.memory_bucket import MemoryBucket
from reconciler.testing.memory_ports import MemoryStore, RecordingLog
from tests.engine.clock import START, VirtualLoop, now

T = TypeVar("T")
FACTS = ImageFacts("png", 1, 1, 4)
SECONDS = 600.0
LOST = 0.1
"""The share of answers of a bucket that get lost."""


class Killed(BaseException):
    """SIGKILL: nothing catches it, and nothing that the process does afterwards has an effect."""


class PatientLoop(VirtualLoop):
    """Blocking work takes a moment, so that others act in between: which moment, `chance` says."""

    def __init__(self, chance: random.Random) -> None:
        super().__init__()
        self._chance = chance

    def run_in_executor(self, executor: Any, func: Callable[..., T], *args: Any) -> asyncio.Future[T]:  # type: ignore[override]  # an async method in typeshed's eyes
        future: asyncio.Future[T] = self.create_future()

        def work() -> None:
            if not future.done():
                try:
                    future.set_result(func(*args))
                except (Exception, Killed) as error:
                    future.set_exception(error)

        self.call_later(self._chance.choice((0.0, 0.01, 0.3)), work)
        return future


def play_by_chance(story: Coroutine[Any, Any, T], chance: random.Random) -> T:
    """Run to the end in virtual time."""
    with asyncio.Runner(loop_factory=lambda: PatientLoop(chance)) as runner:
        runner.get_loop().set_exception_handler(_unless_killed)
        return runner.run(story)


def _unless_killed(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    if not isinstance(context.get("exception"), Killed):
        loop.default_exception_handler(context)


def utc() -> datetime:
    return START + timedelta(seconds=now())


class Life:
    """The life of one process: it ends at the step with the number `ends_at`."""

    def __init__(self, ends_at: int = -1) -> None:
        self.ends_at = ends_at
        self.steps = 0

    @property
    def dead(self) -> bool:
        return 0 <= self.ends_at <= self.steps

    def step(self) -> None:
        """Before an effect on the world outside the process."""
        if self.dead:
            raise Killed
        self.steps += 1
        if self.dead:
            raise Killed


class Service:
    """The paid service: what it billed, by recipe, and the consent that each request names."""

    def __init__(self, chance: random.Random | None = None, seconds: float = 10.0) -> None:
        self.bills: list[tuple[RecipeKey, str, tuple[str, ...]]] = []
        self._chance = chance or random.Random(0)
        self._seconds = seconds
        self.script: dict[str, list[Outcome]] = {}

    def billed(self) -> Counter[RecipeKey]:
        return Counter(key for key, _, _ in self.bills)


@dataclass
class Inner:
    """A checkout's connection to the service."""

    service: Service
    store: PeerStore
    life: Life
    chance: random.Random

    async def generate(self, request: ImageRequest, *, on_response: OnResponse = ignore_response) -> Outcome:
        script = self.service.script.get(request.asset, [])
        scripted = script.pop(0) if script else None
        if isinstance(scripted, NotSent):
            return scripted
        self.life.step()
        self.service.bills.append((request.key, request.attempt, request.retry_of))
        self.life.step()
        await asyncio.sleep(self.chance.uniform(1.0, 20.0))
        self.life.step()
        if scripted is not None:
            return scripted
        data = f"{request.asset} {request.attempt}".encode()
        path, out = self.store.open()
        with out:
            out.write(data)
        return Done(Spooled(path, content_hash(data), len(data)), FACTS, model="m-1", request="r")


class PeerStore(MemoryStore):
    """A store whose objects are sound."""

    life = Life()

    def put(self, spooled: Spooled) -> Path:
        self.life.step()
        path = super().put(spooled)
        self.life.step()
        return path

    def remember(self, key: RecipeKey, stored: StoredImage, *, durable: bool = True) -> StoredImage:
        self.life.step()
        return super().remember(key, stored, durable=durable)

    def sound(self, content: ContentHash) -> Path | None:
        return self.find(content)

    def put_copy(self, content: ContentHash, fetch: Callable[[IO[bytes]], bool]) -> ContentHash | None:
        path, out = self.open()
        with out:
            there = fetch(out)
        data = path.read_bytes()
        if there and content_hash(data) == content:
            self.put(Spooled(path, content, len(data)))
        return content_hash(data) if there else None


class PeerJournal:
    """A journal that outlives its process."""

    def __init__(self) -> None:
        self.events: list[Durable] = []
        self.life = Life()

    def record(self, event: Event) -> None:
        self.life.step()
        if isinstance(event, Durable):
            self.events.append(event)
        self.life.step()


class PeerClaims:
    """The files of own claims."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.life = Life()

    def write(self, own: OwnClaim) -> None:
        self.life.step()
        self.files[own.claim.attempt] = encode_own_claim(own)

    def drop(self, attempt: str) -> None:
        self.life.step()
        self.files.pop(attempt, None)

    def read(self) -> tuple[OwnClaim, ...]:
        return tuple(decode_own_claim(data) for data in self.files.values())


class MortalBucket:
    """A process's connection to the bucket: each call may be its last, before or after it had its effect."""

    def __init__(self, bucket: Bucket, life: Life, answers_get_lost: random.Random | None = None) -> None:
        self._bucket = bucket
        self._life = life
        self._answers_get_lost = answers_get_lost
        self.false_ends: list[str] = []

    def put_new(self, name: str, source: Path | bytes) -> bool:
        self._life.step()
        made = self._bucket.put_new(name, source)
        if self._answers_get_lost is not None and self._answers_get_lost.random() < LOST:
            made = self.read_back(name, source)
        if name.endswith(".end.json") and isinstance(self._bucket, MemoryBucket):
            self.false_ends += false_ends(self._bucket)
        self._life.step()
        return made

    def read_back(self, name: str, source: Path | bytes) -> bool:
        """As every adapter does after a lost answer."""
        sink = BytesIO()
        mine = source if isinstance(source, bytes) else source.read_bytes()
        return self._bucket.get(name, sink, most=1 << 20) and sink.getvalue() == mine

    def get(self, name: str, sink: IO[bytes], *, most: int) -> bool:
        self._life.step()
        return self._bucket.get(name, sink, most=most)

    def names(self, prefix: str) -> Iterable[str]:
        self._life.step()
        return self._bucket.names(prefix)

    def stat(self, name: str) -> BucketObject | None:
        self._life.step()
        return self._bucket.stat(name)


class PlainReceipts:
    """Receipts that are signed by a word."""

    def __init__(self, word: str = "ours") -> None:
        self._word = word

    def sign(self, key: RecipeKey, stored: StoredImage) -> bytes:
        return f"{self._word} {key} ".encode() + encode_record(stored)

    def read(self, key: RecipeKey, content: ContentHash, data: bytes) -> StoredImage | Disbelieved:
        word, signed, line = data.split(b" ", 2)
        stored = decode_record(line)
        if word != b"ours" or signed.decode() != key or stored is None:
            return Disbelieved(word.decode(), "unknown signer")
        return stored


@dataclass
class Layers:
    """The classes under test; a planted fault replaces one."""

    shared: type[SharedWithTeam] = SharedWithTeam
    claiming: type[Claiming] = Claiming
    pushes: type[Pushes] = Pushes
    ends: type[OwnEnds] = OwnEnds
    bucket: type[MortalBucket] = MortalBucket


@dataclass
class Peer:
    """One checkout."""

    name: str
    folder: Path
    bucket: Bucket
    service: Service
    chance: random.Random = field(default_factory=lambda: random.Random(0))
    policy: TeamPolicy = field(default_factory=TeamPolicy)
    layers: Layers = field(default_factory=Layers)
    concurrency: int = 4
    journal: PeerJournal = field(default_factory=PeerJournal)
    claims: PeerClaims = field(default_factory=PeerClaims)
    progress: RecordingLog = field(default_factory=RecordingLog)
    receipts: PlainReceipts = field(default_factory=PlainReceipts)
    unwanted: frozenset[ContentHash] = frozenset()
    lossy: random.Random | None = None
    connections: list[MortalBucket] = field(default_factory=list)
    store: PeerStore = field(init=False)

    def __post_init__(self) -> None:
        self.store = PeerStore(self.folder / self.name)

    def events(self) -> tuple[Durable, ...]:
        events = tuple(self.journal.events)
        return (*events, *(end for _, end in unrecorded(events, self.store.recall)))

    def in_doubt(self) -> dict[RecipeKey, list[str]]:
        found: dict[RecipeKey, list[str]] = {}
        for request in settle(Lock(), self.events()).in_doubt:
            found.setdefault(request.key, []).append(request.attempt)
        return found

    async def run(
        self, assets: Iterable[str], *, life: Life | None = None, consents: bool = False
    ) -> dict[str, Outcome]:
        """One apply: what each asset without an image came to. {} for a run that was killed."""
        life = life or Life()
        self.journal.life = self.claims.life = self.store.life = life
        before = asyncio.all_tasks()
        try:
            return await self._applied(assets, life, consents=consents)
        except Killed:
            pass
        finally:
            if life.dead:
                for task in asyncio.all_tasks() - before:
                    if task.get_name() == f"{self.name} {id(life)}":
                        task.cancel()
        return {}

    def cut_the_power(self) -> None:
        """The records of claims that were not durable are gone."""
        self.claims.files = {
            attempt: data for attempt, data in self.claims.files.items() if decode_own_claim(data).end is not None
        }

    async def _applied(self, assets: Iterable[str], life: Life, *, consents: bool) -> dict[str, Outcome]:
        bucket, loop = self.layers.bucket(self.bucket, life, self.lossy), asyncio.get_running_loop()
        self.connections.append(bucket)
        ends = self.layers.ends(bucket, self.receipts, self.claims, self.store, push=self.policy.push)  # type: ignore[arg-type]  # the part that it uses
        await loop.run_in_executor(None, lambda: ends.bring(self.events(), Lock(), self.journal, at=stamp(utc())))
        team = self.context(bucket)
        provider, pushes = self._provider(team, life)
        doubts = self.in_doubt()
        wanted = [request for asset in assets if not self.store.recall((request := a_request(asset)).key)]
        self.chance.shuffle(wanted)
        tasks: dict[str, asyncio.Task[Outcome]] = {}
        for request in wanted:
            mine = doubts.get(request.key, [])
            theirs = [*overdue(self.bucket, request.key)] if consents else []
            if mine and not consents:
                continue  # held by the plan
            asked = retrying(request, tuple(dict.fromkeys((*mine, *theirs))))
            tasks[request.asset] = asyncio.create_task(provider.generate(asked), name=f"{self.name} {id(life)}")
        await asyncio.gather(*tasks.values())
        await pushes.finish()
        if life.dead:
            raise Killed
        return {asset: task.result() for asset, task in tasks.items()}

    def context(self, bucket: Bucket) -> TeamContext:
        """What the layers of one run share."""
        return TeamContext(
            bucket=bucket,
            receipts=self.receipts,
            own_claims=self.claims,
            store=self.store,  # type: ignore[arg-type]  # the part of a ProjectStore that the layers use
            journal=self.journal,
            progress=self.progress,
            owner=ClaimOwner(f"{self.name}@acme", self.name, self.name, "p"),
            executor=None,  # type: ignore[arg-type]  # the loop's own
            policy=self.policy,
            clock=Clock(monotonic=now, sleep=asyncio.sleep, utc=utc),
            unwanted=self.unwanted,
            jitter=self.chance.random,
        )

    def _provider(self, team: TeamContext, life: Life) -> tuple[Provider, Pushes]:
        numbers = iter(range(1_000_000))
        pushes = self.layers.pushes(team)
        reader = ClaimReader(team.bucket)

        def new_attempt() -> str:
            return f"{self.name}-{id(life)}-{next(numbers)}"

        def around_attempt(inner: Provider) -> Provider:
            return self.layers.claiming(
                inner,
                team=team,
                pushes=pushes,
                provider="gravitex",
                estimate=lambda _: None,
                seconds=SECONDS,
                new_attempt=new_attempt,
            )

        def around_call(inner: Provider) -> Provider:
            return self.layers.shared(inner, team=team, reader=reader, currency="USD")

        run = PaidRun(
            store=self.store,
            journal=self.journal,
            progress=self.progress,
            spending=Spending(Budget()),
            clock=team.clock,
            jitter=lambda: 0.5,
            around_call=around_call,
            around_attempt=around_attempt if team.policy.claims else lambda inner: inner,
        )
        settings = ProviderSettings("gravitex", "gravitex", concurrency=self.concurrency)
        lane = open_lane(settings, run=run)
        inner = Inner(self.service, self.store, life, self.chance)
        return paid(inner, lane=lane, run=run, estimate=lambda _: None), pushes


def a_request(asset: str) -> ImageRequest:
    recipe = Recipe(prompt=asset, model="m")
    return ImageRequest(AssetId(asset), recipe, recipe.key())


def retrying(request: ImageRequest, retry_of: tuple[str, ...]) -> ImageRequest:
    return ImageRequest(request.asset, request.recipe, request.key, retry_of)


def overdue(bucket: Bucket, key: RecipeKey) -> Iterator[str]:
    """What `fetch` finds in doubt."""
    for claim in ClaimReader(bucket).read(key).open:
        if is_overdue(claim, utc()):
            yield claim.attempt


def false_ends(bucket: MemoryBucket) -> list[str]:
    """The ends that say that an image is in the bucket, and it or its receipt is not."""
    wrong = []
    for text in bucket.names("claims/"):
        name = claim_of(text)
        end = decode_claim_end(bucket.objects[text]) if name is not None and name.ended else None
        if name is not None and end is not None and end.outcome == "Done" and end.content is not None:
            there = {object_name(end.content), receipt_name(name.key, end.content)} <= bucket.objects.keys()
            if not there:
                wrong.append(text)
    return wrong


def claimed_attempts(bucket: MemoryBucket) -> set[str]:
    """The attempts of all claims."""
    names = ((text, claim_of(text)) for text in bucket.names("claims/"))
    return {
        decode_claim(name.key, name.number, bucket.objects[text]).attempt
        for text, name in names
        if name is not None and not name.ended
    }
