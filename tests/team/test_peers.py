"""Checkouts that buy at once pay once."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path

from reconciler.core.outcome import Done
from reconciler.testing.memory_bucket import MemoryBucket
from tests.team.peers import Peer, Service, false_ends, play_by_chance

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
