"""Checkouts that buy at once pay once."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path

from reconciler.core.errors import BucketDenied, BucketUnreachable
from reconciler.core.outcome import Done, NotSent, Stop, Throttled
from reconciler.core.team.claim import Claim, decode_claim_end, encode_claim
from reconciler.core.team.layout import claim_name
from reconciler.testing.memory_bucket import MemoryBucket
from tests.team.peers import Peer, Service, a_request, false_ends, play_by_chance

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
