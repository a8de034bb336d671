"""`type: ray` without Ray: the contract of providers, what becomes of requests whose worker dies, settings and trust.

`make test-ray` holds the same with real actors, and kills them.
"""

from __future__ import annotations

import asyncio
import io
import json
import shlex
import sys
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from reconciler.core.digest import ContentHash, content_hash
from reconciler.core.outcome import BadOutput, Done, InDoubt, Mismatched, NotSent, Outcome, Refused, Rejected
from reconciler.core.ports import ImageRequest, OnResponse, ignore_response
from reconciler.core.recipe import Recipe
from reconciler.core.specs.settings import ProviderSettings, Timeouts
from reconciler.core.value import replace
from reconciler.engine.references import LocalReferences
from reconciler.providers.command.declaration import COMMAND_WORKER, TRUSTED_COMMANDS
from reconciler.providers.declaration import Resources
from reconciler.providers.keys import TRUSTED_ORIGINS, key_for
from reconciler.providers.ray_pool import pool as ray_pool
from reconciler.providers.ray_pool.dispatcher import WorkerLostError
from reconciler.providers.ray_pool.outbox import Outbox
from reconciler.providers.ray_pool.pool import RayPool
from reconciler.providers.ray_pool.serve import PoolServer
from reconciler.providers.ray_pool.wire import (
    AHEAD,
    PoolCancel,
    PoolDraw,
    PoolReply,
    PoolStart,
    pack_request,
    read_message,
    read_reply,
    send_message,
    send_reply,
    unpack_request,
)
from reconciler.providers.ray_pool.worker import PoolWorker
from reconciler.providers.secret import NO_KEY_SENT, NoKey
from reconciler.testing.memory_ports import MemorySpool
from reconciler.testing.requests import a_request
from tests.cli.conftest import picture
from tests.providers.pool_cluster import HERE
from tests.workers import stripes_command


def pool_settings(seen: Path, *options: str, charges: bool = False, actors: int = 2) -> ProviderSettings:
    inner = ProviderSettings("gpu", "command", command=stripes_command(*options), traits=COMMAND_WORKER.traits)
    inner = replace(inner, charges=charges, traits=replace(inner.traits, free=not charges))
    traits = replace(inner.traits, local=False)
    given = ProviderSettings("farm", "ray", worker="gpu", inner=inner, concurrency=actors, charges=charges)
    return replace(given, address=str(seen), traits=traits)


class Farm:
    """A pool, and what it leaves in its spool."""

    def __init__(self, folder: Path, command: tuple[str, ...] = HERE, **given: Any) -> None:
        (folder / "seen").mkdir(parents=True)
        self.spool, self.references = MemorySpool(folder / "spool"), LocalReferences()
        self.ends: list[Callable[[], None]] = []
        resources = Resources(self.spool, self.references, NO_KEY_SENT, self.ends.append)
        self.pool = RayPool(pool_settings(folder / "seen", **given), resources, command)

    def draw(self, *recipes: Recipe) -> list[Outcome]:
        async def all_of_them() -> list[Outcome]:
            return list(await asyncio.gather(*(self.pool.generate(a_request(recipe)) for recipe in recipes)))

        try:
            return asyncio.run(all_of_them())
        finally:
            for end in self.ends:
                end()


def small(prompt: str = "a sword", **fields: Any) -> Recipe:
    return Recipe(prompt, size="64x48", **fields)


def packed(recipe: Recipe) -> bytes:
    return pack_request(a_request(recipe))


def test_images_come_through_with_their_references(tmp_path: Path) -> None:
    farm = Farm(tmp_path, actors=2)
    data = picture()
    (tmp_path / "ref.png").write_bytes(data)
    farm.references.share(content_hash(data), tmp_path / "ref.png")
    recipes = [small(f"a sword {n}", references=(content_hash(data),)) for n in range(5)]
    drawn = farm.draw(*recipes)
    assert all(isinstance(each, Done) for each in drawn), drawn
    assert len({each.spooled.content for each in drawn if isinstance(each, Done)}) == 5
    lost = farm.draw(small(references=(content_hash(b"other"),)))
    assert isinstance(lost[0], Rejected)


def test_a_free_image_whose_worker_or_process_dies_is_drawn_again(tmp_path: Path) -> None:
    outcomes = Farm(tmp_path).draw(*(small(f"it {word} {n}") for word in ("dies", "late", "ends") for n in range(2)))
    assert [type(each) for each in outcomes] == [Done] * 6, outcomes


def test_an_image_that_costs_money_is_in_doubt_then_and_is_drawn_if_no_worker_had_begun(tmp_path: Path) -> None:
    farm = Farm(tmp_path, charges=True, actors=1)
    dies, late, after = farm.draw(small("it dies"), small("it comes late"), small("a sword"))
    assert isinstance(dies, InDoubt), dies
    assert (type(late), type(after)) == (Done, Done)
    (ends,) = Farm(tmp_path / "other", charges=True).draw(small("it ends"))
    assert isinstance(ends, InDoubt), ends
    assert "the process that runs Ray died" in ends.message


@pytest.mark.parametrize(
    ("mood", "kind"),
    [
        ("refuse", Refused),
        ("fail", BadOutput),
        ("neither", BadOutput),
        ("text", BadOutput),
        ("small", Mismatched),
        ("die", NotSent),
    ],
)
def test_an_outcome_is_that_of_the_worker_inside(tmp_path: Path, mood: str, kind: type) -> None:
    farm = farm_of(tmp_path, mood)
    (outcome,) = farm.draw(small())
    assert isinstance(outcome, kind), outcome
    assert len(farm.spool.left()) == (mood in ("text", "small")), "bytes that were answered are kept"


def farm_of(tmp_path: Path, mood: str) -> Farm:
    farm = Farm(tmp_path / "farm")
    inner = farm.pool.settings.inner
    assert inner is not None
    farm.pool.settings = replace(farm.pool.settings, inner=replace(inner, command=stripes_command("--mood", mood)))
    return farm


@pytest.mark.parametrize(
    "command", [("/nowhere/at/all",), ("true",), ("yes",), (sys.executable, "-c", "import nothing")]
)
def test_a_process_that_does_not_start_is_told_in_a_line(tmp_path: Path, command: tuple[str, ...]) -> None:
    (outcome,) = Farm(tmp_path, command).draw(small())
    assert isinstance(outcome, NotSent), outcome
    assert outcome.final
    assert "\n" not in outcome.message


def test_a_process_that_is_never_ready_is_ended_at_the_limit_and_told_in_a_line(tmp_path: Path) -> None:
    farm = Farm(tmp_path, (sys.executable, "-c", "import time; time.sleep(600)"))
    farm.pool.settings = replace(farm.pool.settings, address="ray://head:1", timeouts=Timeouts(total=0.5))
    (outcome,) = farm.draw(small())
    assert isinstance(outcome, NotSent), outcome
    assert outcome.final
    assert outcome.message == (
        "the pool farm: Ray was not ready within 0.5 s, which is timeouts.total of providers.farm; "
        "is the cluster at ray://head:1 up?"
    )
    assert not farm.spool.left()


def test_a_cancelled_image_that_was_not_answered_leaves_no_file(tmp_path: Path) -> None:
    farm = farm_with_a_hang(tmp_path)

    async def cancelled() -> None:
        call = asyncio.create_task(farm.pool.generate(a_request(small())))
        while not list((tmp_path / "hung").glob("*")):
            await asyncio.sleep(0.05)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        farm.pool.end()

    asyncio.run(cancelled())
    assert not farm.spool.left()


def farm_with_a_hang(tmp_path: Path) -> Farm:
    """A pool whose worker writes down that it was asked, and hangs."""
    farm = Farm(tmp_path)
    (tmp_path / "hung").mkdir()
    inner = farm.pool.settings.inner
    assert inner is not None
    command = stripes_command("--mood", "hang", "--log", str(tmp_path / "hung/log"))
    farm.pool.settings = replace(farm.pool.settings, inner=replace(inner, command=command))
    return farm


class Scripted:
    """A PooledWorker that does as a script says: drawn, lost before, lost after it has begun."""

    def __init__(self, script: list[str], drawn: list[str]) -> None:
        self._script = script
        self._drawn = drawn
        self.ended = False

    async def ready(self) -> None:
        await asyncio.sleep(0)
        if self._script and self._script[0] == "before":
            self._script.pop(0)
            raise WorkerLostError("gone before", sent=False)

    async def draw(self, packed: bytes, pictures: Mapping[ContentHash, str]) -> PoolReply:
        request = unpack_request(packed)
        self._drawn.append(request.asset)
        await asyncio.sleep(0)
        what = self._script.pop(0) if self._script else "image"
        if what in ("before", "after"):
            raise WorkerLostError("gone", sent=True)
        return PoolReply(0, what, data=b"x")

    async def end(self, *, busy: bool) -> None:
        self.ended = True


class Scripts:
    """A Cluster of them, all with one script."""

    def __init__(self, script: list[str]) -> None:
        self.script, self.drawn = script, list[str]()
        self.workers: list[Scripted] = []

    def new_worker(self) -> Scripted:
        self.workers.append(Scripted(self.script, self.drawn))
        return self.workers[-1]


class Told(io.BytesIO):
    """What a server has told; `all_there` once there are so many replies."""

    def __init__(self, count: int) -> None:
        super().__init__()
        self._left = count
        self.all_there = threading.Event()

    def write(self, data: Any, /) -> int:
        self._left -= 1
        if self._left <= 0:
            self.all_there.set()
        return super().write(data)


class Open(io.BytesIO):
    """Messages to a server. Their end comes once all of them are answered."""

    def __init__(self, data: bytes, answered: threading.Event) -> None:
        super().__init__(data)
        self._answered = answered

    def read(self, size: int | None = -1, /) -> bytes:
        data = super().read(size)
        if not data:
            assert self._answered.wait(20), "a request has no reply"
        return data


def served(scripts: Scripts, count: int, *, charges: bool, most: int) -> list[PoolReply]:
    """The replies of a server to so many requests, by their numbers."""
    asked, told = io.BytesIO(), Told(count)
    for number in range(1, count + 1):
        request = replace(a_request(small(f"a {number}")), asset=str(number))
        send_message(asked, PoolDraw(number, pack_request(request)))
    server = PoolServer(scripts, told, charges=charges, most=most)
    asyncio.run(server.serve(Open(asked.getvalue(), told.all_there)))
    stream = io.BytesIO(told.getvalue())
    replies = [reply for _ in range(count) if (reply := read_reply(stream)) is not None]
    return sorted(replies, key=lambda reply: reply.number)


SCRIPTS = st.lists(st.sampled_from(["image", "before", "after", "not_sent"]), max_size=12)


@examples(max_examples=200, deadline=None)
@given(SCRIPTS, st.integers(1, 5), st.integers(1, 3))
def test_an_image_that_costs_money_is_begun_once_whatever_dies(script: list[str], count: int, most: int) -> None:
    scripts = Scripts([*script])
    scripts.script[:] = [what for what in scripts.script if what != "not_sent"]
    replies = served(scripts, count, charges=True, most=most)
    begun = Counter(scripts.drawn)
    assert [reply.number for reply in replies] == list(range(1, count + 1))
    assert max(begun.values(), default=0) <= 1
    for reply in replies:
        assert reply.kind in ("image", "in_doubt", "not_sent")
        assert (str(reply.number) in begun) == (reply.kind != "not_sent"), "what may have been drawn is told as such"
    assert all(worker.ended for worker in scripts.workers)
    assert len(scripts.workers) <= most + script.count("before")


@examples(max_examples=100, deadline=None)
@given(SCRIPTS, st.integers(1, 3))
def test_a_free_image_is_tried_three_times(script: list[str], most: int) -> None:
    scripts = Scripts([*script])
    (reply,) = served(scripts, 1, charges=False, most=most)
    assert len(scripts.drawn) <= 3
    first = [*script, "image", "image", "image"][:3]
    assert (reply.kind == "image") == ("image" in first)


class Deadly(Scripted):
    """Dies of the request with the number 2, with all that it has then."""

    def __init__(self, begun: list[str]) -> None:
        super().__init__([], begun)
        self.dying = asyncio.Event()
        self.at_once: list[int] = [0, 0]

    async def draw(self, packed: bytes, pictures: Mapping[ContentHash, str]) -> PoolReply:
        request = unpack_request(packed)
        self._drawn.append(request.asset)
        self.at_once = [self.at_once[0] + 1, max(self.at_once[1], self.at_once[0] + 1)]
        try:
            if request.asset == "2":
                self.dying.set()
            for _ in range(4):
                await asyncio.sleep(0)
                if self.dying.is_set():
                    raise WorkerLostError("it died", sent=True)
        finally:
            self.at_once[0] -= 1
            if not self.at_once[0]:
                self.dying.clear()  # it is started again
        return PoolReply(0, "image", data=b"x")


class Deadlies(Scripts):
    """A Cluster of them."""

    def new_worker(self) -> Scripted:
        self.workers.append(Deadly(self.drawn))
        return self.workers[-1]


@examples(max_examples=50, deadline=None)
@given(st.integers(1, 12), st.integers(1, 4))
def test_a_free_image_beside_one_of_which_its_worker_dies_is_drawn(count: int, most: int) -> None:
    scripts = Deadlies([])
    replies = served(scripts, count, charges=False, most=most)
    kinds = {reply.number: (reply.kind, reply.final) for reply in replies}
    assert kinds == {number: ("not_sent", True) if number == 2 else ("image", False) for number in range(1, count + 1)}
    assert all(worker.at_once[1] <= AHEAD for worker in scripts.workers if isinstance(worker, Deadly))
    assert max(Counter(scripts.drawn).values()) <= 3


def test_a_worker_draws_one_image_at_a_time_and_the_next_while_that_is_verified(tmp_path: Path) -> None:
    inner = pool_settings(tmp_path).inner
    assert inner is not None
    worker, story_of = PoolWorker(inner), list[str]()

    class Slow:
        async def generate(self, request: ImageRequest, *, on_response: OnResponse = ignore_response) -> Outcome:
            story_of.append(f"{request.asset} begins")
            await asyncio.sleep(0)
            story_of.append(f"{request.asset} is drawn")
            on_response()
            for _ in range(8):
                await asyncio.sleep(0)
            story_of.append(f"{request.asset} is verified")
            return Refused("no")

    async def story() -> None:
        worker._provider = Slow()
        await asyncio.gather(*(worker.draw(pack_request(replace(a_request(small()), asset=name)), {}) for name in "ab"))
        await worker.end()

    asyncio.run(story())
    order = ["a begins", "a is drawn", "b begins", "b is drawn"]
    assert [event for event in story_of if "verified" not in event] == order
    assert story_of.index("b begins") < story_of.index("a is verified")


def test_messages_after_the_reader_is_gone_are_dropped() -> None:
    sent: list[int] = []

    def send(message: int) -> None:
        if message == 2:
            raise BrokenPipeError
        sent.append(message)

    outbox: Outbox[int] = Outbox(send, name="test")
    for message in (1, 2, 3):
        outbox.put(message)
    assert outbox.close(seconds=20)
    assert sent == [1]


def test_messages_are_read_as_they_were_written(tmp_path: Path) -> None:
    stream = io.BytesIO()
    request = a_request(small(references=(content_hash(b"x"),)))
    sent = (
        PoolStart(pool_settings(tmp_path)),
        PoolDraw(1, pack_request(request), {content_hash(b"x"): "/a"}),
        PoolCancel(1),
    )
    for message in sent:
        send_message(stream, message)
    stream.seek(0)
    assert tuple(read_message(stream) for _ in sent) == sent
    assert read_message(stream) is None


def test_a_reply_is_text_and_bytes_and_anything_else_is_the_end() -> None:
    stream = io.BytesIO()
    reply = PoolReply(7, "image", "words\n", "model", True, b"\n{}")
    send_reply(stream, reply)
    assert read_reply(io.BytesIO(stream.getvalue())) == reply
    good: dict[str, Any] = {"number": 1, "kind": "image", "size": 0}
    wrongs: list[Any] = [
        {**good, "size": 1 << 40},
        {**good, "size": -1},
        {**good, "size": True},
        {**good, "number": "1"},
        [],
    ]
    for wrong in wrongs:
        assert read_reply(io.BytesIO(json.dumps(wrong).encode() + b"\n")) is None
    for data in (b"", b"{", b"\xff\n", b"[" * 100_000 + b"\n", stream.getvalue()[:-1], b"x" * (2 << 20)):
        assert read_reply(io.BytesIO(data)) is None


def test_a_worker_keeps_the_pictures_that_it_has_and_refuses_others(tmp_path: Path) -> None:
    inner = pool_settings(tmp_path).inner
    assert inner is not None
    worker = PoolWorker(inner)
    data, fetched = picture(), list[str]()

    async def arriving(which: str, given: bytes) -> bytes:
        fetched.append(which)
        return given

    async def story() -> list[PoolReply]:
        known, forged = content_hash(data), content_hash(b"forged")
        first = await worker.draw(packed(small(references=(known,))), {known: arriving("first", data)})
        held = asyncio.ensure_future(arriving("again", data))
        again = await worker.draw(packed(small(references=(known,))), {known: held})
        await held
        other = await worker.draw(packed(small(references=(forged,))), {forged: arriving("forged", b"x")})
        await worker.end()
        return [PoolReply(0, *fields) for fields in (first, again, other)]

    first, again, other = asyncio.run(story())
    assert (first.kind, again.kind, first.data) == ("image", "image", again.data)
    assert "is not available" in other.message


class Looking:
    """A provider that looks at the reference images of its requests, and goes on when it is told to."""

    def __init__(self, worker: PoolWorker) -> None:
        self._worker = worker
        self.goes_on = asyncio.Event()
        self.seen: list[bytes | None] = []

    async def generate(self, request: ImageRequest, *, on_response: OnResponse = ignore_response) -> Outcome:
        await self.goes_on.wait()
        for content in request.recipe.references:
            path = self._worker.fetch(content)
            self.seen.append(None if path is None else path.read_bytes())
        return Refused("no")


def test_a_picture_that_a_request_waits_with_stays_as_it_is(tmp_path: Path) -> None:
    """Two requests that come at once bring the same one: the second must not write it while the first reads it. A
    worker that has too many gives up the one that was wanted longest ago."""
    inner = pool_settings(tmp_path).inner
    assert inner is not None
    worker = PoolWorker(inner)
    shared = content_hash(b"shared")

    async def arriving(data: bytes, *, ready: asyncio.Event | None = None) -> bytes:
        if ready is not None:
            await ready.wait()
        return data

    async def story() -> list[bytes | None]:
        looking, here, late = Looking(worker), asyncio.Event(), asyncio.Event()
        worker._provider = looking
        request = packed(small(references=(shared,)))
        first = asyncio.ensure_future(worker.draw(request, {shared: arriving(b"shared", ready=here)}))
        second = asyncio.ensure_future(worker.draw(request, {shared: arriving(b"shared", ready=late)}))
        await asyncio.sleep(0)
        here.set()
        while (path := worker.fetch(shared)) is None:
            await asyncio.sleep(0)
        path.write_bytes(b"being read")
        late.set()
        for _ in range(9):
            await asyncio.sleep(0)
        looking.goes_on.set()
        await asyncio.gather(first, second)
        for number in range(300):
            data = b"%d" % number
            both = (shared, content_hash(data))
            pictures = dict(zip(both, map(arriving, (b"", data)), strict=True))
            await worker.draw(packed(small(references=both)), pictures)
            pictures[shared].close()
        await worker.end()
        return looking.seen

    seen = asyncio.run(story())
    assert seen[:2] == [b"being read"] * 2
    assert seen[2:] == [each for number in range(300) for each in (b"being read", b"%d" % number)]


def test_neither_a_command_nor_a_cluster_is_used_that_the_user_has_not_listed(tmp_path: Path) -> None:
    trusted = {TRUSTED_COMMANDS: shlex.join(stripes_command())}
    given = replace(pool_settings(tmp_path), address="")
    assert not isinstance(key_for(given, trusted), NoKey)
    refused = key_for(given, {})
    assert isinstance(refused, NoKey)
    assert "the command of providers.gpu is not run" in refused.reason
    remote = replace(given, address="ray://head:10001")
    refused = key_for(remote, trusted)
    assert isinstance(refused, NoKey)
    assert "the cluster of providers.farm is not used" in refused.reason
    assert not isinstance(key_for(remote, trusted | {TRUSTED_ORIGINS: "https://a ray://head:10001"}), NoKey)
    assert isinstance(key_for(remote, trusted | {TRUSTED_ORIGINS: "ray://head:1000"}), NoKey)


def test_a_plan_and_the_run_load_no_ray() -> None:
    assert "ray" not in sys.modules
    assert ray_pool.CLUSTER[-1] == "reconciler.providers.ray_pool.process", "Ray is loaded in a process of its own"
