"""Checkouts that buy at once pay once."""

from __future__ import annotations

import asyncio
import random
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from reconciler.core.digest import content_hash
from reconciler.core.errors import BucketDenied, BucketUnreachable
from reconciler.core.events import Accepted, Durable, Forgotten, JobLost, Requested
from reconciler.core.lock.lockfile import Lock
from reconciler.core.outcome import Done, NotSent, Outcome, Stop, Throttled
from reconciler.core.ports import ImageRequest, OnResponse, ignore_response
from reconciler.core.team.claim import Claim, ClaimEnd, decode_claim_end, encode_claim, encode_claim_end
from reconciler.core.team.layout import MAX_CLAIM, claim_end_name, claim_name
from reconciler.core.team.own_claims import OwnClaim
from reconciler.engine.clock import stamp
from reconciler.engine.team.claiming import Claiming
from reconciler.engine.team.own_ends import OwnEnds
from reconciler.engine.team.pushes import Pushes
from reconciler.engine.team.shared import SharedWithTeam
from reconciler.engine.team.team_images import ClaimReader
from reconciler.testing.memory_bucket import MemoryBucket
from tests.engine.clock import now
from tests.team.peers import Inner, Life, Peer, Service, a_request, false_ends, play_by_chance, utc

RECIPES = [f"i{number:02}" for number in range(40)]


def peers(folder: Path, count: int, seed: int = 0) -> tuple[list[Peer], MemoryBucket, Service]:
    chance = random.Random(seed)
    bucket, service = MemoryBucket(), Service(chance)
    return [Peer(f"p{n}", folder, bucket, service, random.Random(seed + n)) for n in range(count)], bucket, service


def test_three_checkouts_at_once_buy_each_recipe_once_and_share_the_work(tmp_path: Path) -> None:
    everybody, bucket, service = peers(tmp_path, 3)

    async def story() -> None:
        ended = await asyncio.gather(*(peer.run(RECIPES) for peer in everybody))
        assert all(isinstance(outcome, Done) for each in ended for outcome in each.values())
        assert [len(each) for each in ended] == [40, 40, 40]
        bought = [sum(outcome.cost is None for outcome in each.values()) for each in ended]  # type: ignore[union-attr]  # all are Done
        assert sum(bought) == 40
        assert min(bought) > 5

    play_by_chance(story(), random.Random(1))
    assert set(service.billed().values()) == {1}
    assert len(service.bills) == 40
    assert not false_ends(bucket)
    assert all(not peer.claims.files for peer in everybody)


def test_without_the_right_to_write_nothing_is_bought(tmp_path: Path) -> None:
    (peer,), bucket, service = peers(tmp_path, 1)

    def denied(method: str, name: str) -> None:
        if method == "put_new":
            raise BucketDenied("these credentials may not write")

    bucket.fail = denied
    ended = play_by_chance(peer.run(RECIPES[:3]), random.Random(1))
    assert {(type(one), getattr(one, "stop", None)) for one in ended.values()} == {(NotSent, Stop.CLAIMED)}
    assert not service.bills
    assert not peer.claims.files


def test_a_store_that_goes_away_during_a_run_buys_nothing_more(tmp_path: Path) -> None:
    (peer,), bucket, service = peers(tmp_path, 1)
    calls = iter(range(1_000))

    def unreachable(method: str, name: str) -> None:
        if method == "put_new" and next(calls) > 4:
            raise BucketUnreachable("no answer")

    bucket.fail = unreachable
    ended = play_by_chance(peer.run(RECIPES[:6]), random.Random(1))
    bought = [one for one in ended.values() if isinstance(one, Done)]
    assert {one.stop for one in ended.values() if isinstance(one, NotSent)} == {Stop.UNREACHABLE}
    assert len(bought) == len(service.bills) < 6
    assert peer.claims.files, "what was bought is brought by the next run"
    bucket.fail = None
    again = play_by_chance(peer.run(RECIPES[:6]), random.Random(2))
    assert all(isinstance(one, Done) for one in again.values())
    assert set(service.billed().values()) == {1}
    assert not peer.claims.files
    assert not false_ends(bucket)


def test_waiting_for_another_checkout_takes_no_slot_and_ends_when_its_answer_is_overdue(tmp_path: Path) -> None:
    (peer,), bucket, service = peers(tmp_path, 1)
    peer.concurrency = 1
    request = a_request(RECIPES[0])
    named = ("gravitex", "0.1 USD", "2026-11-22T16:00:00Z", "ana@acme", "ci-771", "gone", "p", "2026-11-22T16:10:00Z")
    bucket.put_new(claim_name(request.key, 1), encode_claim(Claim(1, "theirs", request.asset, request.key, *named)))
    ended = play_by_chance(peer.run(RECIPES[:4]), random.Random(1))
    held = ended.pop(RECIPES[0])
    assert isinstance(held, NotSent)
    assert held.stop is Stop.CLAIMED
    assert "in doubt: ci-771 (ana@acme) asked gravitex" in held.message
    assert all(isinstance(one, Done) for one in ended.values())
    assert len(service.bills) == 3


def test_nobody_waits_for_a_batch_of_another_checkout(tmp_path: Path) -> None:
    (peer,), bucket, service = peers(tmp_path, 1)
    request = a_request(RECIPES[0])
    named = ("gravitex", "0.1 USD", "2026-11-22T16:00:00Z", "ana@acme", "ci-771", "gone", "p", "2026-11-25T16:00:00Z")
    claim = Claim(1, "theirs", request.asset, request.key, *named, in_batch=True)
    bucket.put_new(claim_name(request.key, 1), encode_claim(claim))

    async def story() -> tuple[dict[str, Outcome], float]:
        return await peer.run(RECIPES[:1]), now()

    ended, seconds = play_by_chance(story(), random.Random(1))
    held = ended[RECIPES[0]]
    assert isinstance(held, NotSent)
    assert held.stop is Stop.CLAIMED
    assert "ci-771 (ana@acme) asked gravitex for the same image" in held.message
    assert "in a batch, and has not collected it" in held.message
    assert seconds < 10.0
    assert not service.bills


def test_a_free_end_frees_the_recipe_and_a_retry_has_a_claim_of_its_own(tmp_path: Path) -> None:
    everybody, bucket, service = peers(tmp_path, 2)
    service.script[RECIPES[0]] = [NotSent("no connection"), Throttled("slow down", 1.0)]

    async def story() -> None:
        for peer in everybody:
            ended = await peer.run(RECIPES[:1])
            assert isinstance(ended[RECIPES[0]], Done)

    play_by_chance(story(), random.Random(1))
    assert len(service.bills) == 2, "the throttled request and the image"
    ends = [decode_claim_end(data) for name, data in sorted(bucket.objects.items()) if name.endswith(".end.json")]
    assert [end.outcome for end in ends if end is not None] == ["NotSent", "Throttled", "Done"]


def test_an_image_that_reviewers_rejected_is_not_taken(tmp_path: Path) -> None:
    everybody, _, service = peers(tmp_path, 2)

    async def story() -> None:
        ended = await everybody[0].run(RECIPES[:1])
        done = ended[RECIPES[0]]
        assert isinstance(done, Done)
        everybody[1].unwanted = frozenset({done.spooled.content})
        again = (await everybody[1].run(RECIPES[:1]))[RECIPES[0]]
        assert isinstance(again, Done)
        assert again.spooled.content != done.spooled.content

    play_by_chance(story(), random.Random(1))
    assert len(service.bills) == 2


def test_a_request_in_the_queue_takes_no_number_behind_the_claim_of_another_checkout(tmp_path: Path) -> None:
    """Two candidates of one recipe: the second sees the claim of another checkout, the first has not claimed yet."""
    (peer,), bucket, service = peers(tmp_path, 1)
    request, queue = a_request(RECIPES[0]), asyncio.Event()

    async def story() -> list[Outcome]:
        team = peer.context(bucket)
        claiming = Claiming(
            Inner(service, peer.store, Life(), random.Random(0)),
            team=team,
            pushes=Pushes(team),
            provider="gravitex",
            estimate=lambda _: None,
            seconds=600.0,
            new_attempt=iter(("one", "two", "three")).__next__,
        )

        class Queued:
            async def generate(self, request: ImageRequest, *, on_response: OnResponse = ignore_response) -> Outcome:
                await queue.wait()
                return await claiming.generate(request, on_response=on_response)

        shared = SharedWithTeam(Queued(), team=team, reader=ClaimReader(bucket), currency="USD")
        first = asyncio.create_task(shared.generate(request))
        await asyncio.sleep(1)
        at, until = stamp(utc()), stamp(utc() + timedelta(minutes=5))
        theirs = Claim(1, "theirs", request.asset, request.key, "gravitex", "", at, "ana@acme", answers_by=until)
        assert bucket.put_new(claim_name(request.key, 1), encode_claim(theirs))
        second = asyncio.create_task(shared.generate(request))
        await asyncio.sleep(1)
        queue.set()
        return [await first, await second]

    ended = play_by_chance(story(), random.Random(1))
    assert not service.bills
    assert all(isinstance(one, NotSent) and one.stop is Stop.CLAIMED for one in ended)
    assert [name for name in bucket.objects if name.startswith("claims/")] == [claim_name(request.key, 1)]


@pytest.mark.parametrize("last", [MAX_CLAIM, 7])
def test_a_store_that_neither_gives_nor_lists_a_claim_ends_the_run(tmp_path: Path, last: int) -> None:
    """A stranger has taken the highest number, or the listing is behind for good."""
    (peer,), bucket, service = peers(tmp_path, 1)
    request = a_request(RECIPES[0])
    at = stamp(datetime(2026, 11, 22, tzinfo=UTC))
    bucket.put_new(
        claim_name(request.key, last),
        encode_claim(Claim(last, "theirs", request.asset, request.key, "gravitex", "", at)),
    )
    bucket.put_new(claim_end_name(request.key, last), encode_claim_end(ClaimEnd("theirs", "NotSent", at)))

    def taken(method: str, name: str) -> None:
        if method == "put_new" and name == claim_name(request.key, last + 1):
            bucket.objects.setdefault(name, b"taken")

    def unlisted(prefix: str) -> tuple[str, ...]:
        return tuple(name for name in listed(prefix) if name != claim_name(request.key, last + 1))

    listed = bucket.names
    bucket.fail, bucket.names = taken, unlisted  # type: ignore[method-assign]  # a server that lags
    ended = play_by_chance(peer.run(RECIPES[:1]), random.Random(1))[RECIPES[0]]
    assert isinstance(ended, NotSent)
    assert ended.stop is Stop.CLAIMED
    assert "it cannot be claimed in the team's store" in ended.message
    assert not service.bills
    assert not peer.claims.files


def test_a_job_that_still_runs_is_not_forgotten_when_another_checkout_was_answered(tmp_path: Path) -> None:
    """Another checkout has taken it for a request in doubt, and asked again with consent: both images are paid for."""
    (peer,), bucket, _ = peers(tmp_path, 1)
    request, at = a_request(RECIPES[0]), "2026-11-22T16:00:00Z"
    mine = Claim(1, "mine", request.asset, request.key, "fal", "", at)
    theirs = Claim(2, "theirs", request.asset, request.key, "fal", "", at, retry_of=("mine",))
    for claim in (mine, theirs):
        bucket.put_new(claim_name(request.key, claim.number), encode_claim(claim))
    bucket.put_new(
        claim_end_name(request.key, 2), encode_claim_end(ClaimEnd("theirs", "Done", at, content_hash(b"an image")))
    )
    peer.claims.write(OwnClaim(mine))
    ends = OwnEnds(bucket, peer.receipts, peer.claims, peer.store)  # type: ignore[arg-type]  # the part that it uses
    asked = Requested("mine", request.asset, request.key, "fal", "", at)
    events: list[Durable] = [asked, Accepted("mine", request.asset, "job-1")]
    assert ends.bring(events, Lock(), peer.journal, at=at) == 0
    assert not peer.journal.events
    assert ends.bring([*events, JobLost("mine")], Lock(), peer.journal, at=at) == 1
    assert peer.journal.events == [Forgotten("mine")]
