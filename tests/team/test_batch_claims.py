"""The claims of one batch, at a store that fails in the middle of them, and one that has the images already."""

from __future__ import annotations

import asyncio
import dataclasses
import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from reconciler.core.digest import AssetId, content_hash
from reconciler.core.errors import BucketUnreachable
from reconciler.core.lock.lockfile import Made
from reconciler.core.ports import ImageRequest, StoredImage
from reconciler.core.team.claim import Claim
from reconciler.core.team.layout import claim_name, receipt_name
from reconciler.core.team.own_claims import OwnClaim
from reconciler.core.value import replace
from reconciler.engine.clock import Clock
from reconciler.engine.team.batch_claims import BatchClaims
from reconciler.engine.team.context import TeamPolicy
from reconciler.store.team.own_claim_files import OwnClaimFiles
from reconciler.testing.memory_bucket import MemoryBucket
from tests.store.tracing import tracing
from tests.team.peers import FACTS, Peer, Service, a_request


def named(asset: str) -> ImageRequest:
    return replace(a_request(asset), attempt=content_hash(asset.encode()).removeprefix("sha256:")[:32])


HERO, ICON, LOGO = named("hero"), named("icon"), named("logo")


def taken(peer: Peer, *requests: ImageRequest) -> Mapping[str, str]:
    async def story() -> Mapping[str, str]:
        with ThreadPoolExecutor(4) as threads:
            team = dataclasses.replace(peer.context(peer.bucket), executor=threads, clock=Clock())
            return await BatchClaims(team).take("shop", [(request, "0.02 USD") for request in requests])

    return asyncio.run(story())


def test_no_claim_is_made_after_a_batch_was_given_up(tmp_path: Path) -> None:
    """One that the store accepts later would have no record here: its owner asks for it before, and drops that."""
    bucket = MemoryBucket()
    peer = Peer("ana", tmp_path, bucket, Service())
    under_way, goes_on = threading.Event(), threading.Event()

    def fail(method: str, name: str) -> None:
        if (method, name) == ("put_new", claim_name(HERO.key, 1)):
            under_way.wait(10)
            threading.Timer(0.05, goes_on.set).start()
            raise BucketUnreachable("it is gone")
        if (method, name) == ("put_new", claim_name(ICON.key, 1)):
            under_way.set()
            goes_on.wait(10)

    bucket.fail = fail
    seen: list[str] = []

    async def story() -> None:
        with ThreadPoolExecutor(2) as threads:
            team = dataclasses.replace(peer.context(bucket), executor=threads, clock=Clock())
            with pytest.raises(BucketUnreachable):
                await BatchClaims(team).take("shop", [(request, "") for request in (HERO, ICON, LOGO)])
            seen.extend(bucket.objects)

    asyncio.run(story())
    assert claim_name(ICON.key, 1) in seen
    assert seen == [*bucket.objects]
    recorded = {claim_name(own.claim.key, 1) for own in peer.claims.read()}
    assert {*seen, claim_name(HERO.key, 1)} <= recorded, "the next command ends them"


@pytest.mark.parametrize("claims", [True, False])
def test_what_has_a_receipt_is_not_bought_whether_it_was_claimed_or_not(tmp_path: Path, *, claims: bool) -> None:
    """`push` brings images without claims, and `pull: manual` asks about none before the plan."""
    bucket = MemoryBucket()
    peer = Peer("ana", tmp_path, bucket, Service(), policy=TeamPolicy(claims=claims))
    image = StoredImage(content_hash(b"fox"), FACTS, Made("shop", "2026-11-22T16:00:00Z", model="m"))
    bucket.put_new(receipt_name(HERO.key, image.content), peer.receipts.sign(HERO.key, image))
    left = taken(peer, HERO, ICON)
    assert left == {HERO.attempt: "the team has the image; `reconciler apply` takes it"}
    assert [name for name in bucket.objects if name.startswith("claims/")] == [claim_name(ICON.key, 1)] * claims


def test_the_record_of_a_claim_of_a_batch_outlives_a_power_cut(tmp_path: Path) -> None:
    """The journal names the attempts of a batch only once all are claimed, which may take a minute."""
    claim = Claim(1, HERO.attempt, AssetId("hero"), HERO.key, "shop", "", "2026-11-22T16:00:00Z", in_batch=True)
    records = OwnClaimFiles(tmp_path)
    records.write(OwnClaim(claim))
    for in_batch in (True, False):
        with tracing("fsync") as trace:
            records.write(OwnClaim(replace(claim, in_batch=in_batch)))
        assert (("fsync", ".tmp") in trace, ("fsync", "claims") in trace) == (in_batch, in_batch)
