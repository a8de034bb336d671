"""Schedules of eight checkouts with kills: nothing is billed twice without consent, and nothing is lost.

python -m tests.team.sweep [--schedules 200] [--mutants]
"""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from reconciler.core.digest import content_hash
from reconciler.core.lock.lockfile import Made
from reconciler.core.outcome import Done, NotSent, Outcome, Stop
from reconciler.core.ports import StoredImage
from reconciler.core.team.claim import Claim, ClaimEnd, encode_claim, encode_claim_end
from reconciler.core.team.layout import claim_end_name, claim_name, object_name, receipt_name
from reconciler.testing.memory_bucket import MemoryBucket
from tests.team.peers import (
    FACTS,
    Layers,
    Life,
    Peer,
    PlainReceipts,
    Service,
    a_request,
    claimed_attempts,
    false_ends,
    play_by_chance,
)

PEERS = 8
RECIPES = 6
FORGED = b"a forged image"
A_DAY = 86_400.0


@dataclass
class Schedule:
    """One history: everybody applies at once, some are killed; then everybody applies again, and again with consent."""

    folder: Path
    seed: int
    layers: Layers = field(default_factory=Layers)
    receipts: type[PlainReceipts] = PlainReceipts
    peers: int = PEERS
    bucket: MemoryBucket = field(default_factory=MemoryBucket)
    problems: list[str] = field(default_factory=list)

    def play(self) -> list[str]:
        """What went wrong."""
        self.chance = random.Random(self.seed)
        self.service = Service()
        self.recipes = [f"r{number}" for number in range(RECIPES)]
        self.everybody = [self._peer(number) for number in range(self.peers)]
        self._forge("r0")
        play_by_chance(self._story(), self.chance)
        return self.problems

    def _peer(self, number: int) -> Peer:
        chance = random.Random(f"{self.seed} {number}")
        return Peer(
            f"p{number}",
            self.folder,
            self.bucket,
            self.service,
            chance,
            layers=self.layers,
            receipts=self.receipts(),
            lossy=chance if self.seed % 2 else None,
            concurrency=chance.choice((1, 4)),
        )

    async def _story(self) -> None:
        others = self.recipes[1:]
        lives = [Life(self.chance.randrange(1, 120) if self.chance.random() < 0.5 else -1) for _ in self.everybody]
        starts = [self.chance.uniform(0, 20) for _ in self.everybody]

        async def one(peer: Peer, life: Life, start: float) -> dict[str, Outcome]:
            await asyncio.sleep(start)
            return await peer.run(self.recipes, life=life)

        await asyncio.gather(*(one(*each) for each in zip(self.everybody, lives, starts, strict=True)))
        self._check("after the kills")
        for peer, life in zip(self.everybody, lives, strict=True):
            if life.dead and self.seed % 3 == 0:
                peer.cut_the_power()
        for _ in range(2):  # those that were killed first end what they know of, then the others get it
            for peer in self.everybody:
                self._check_held(await peer.run(self.recipes))
        self._check("after the next apply of everybody")
        await asyncio.sleep(A_DAY)
        ended = await asyncio.gather(*(peer.run(self.recipes) for peer in self.everybody))
        for each in ended:
            self._check_held(each)
        self._check("a day later")
        await asyncio.gather(*(peer.run(self.recipes, consents=True) for peer in self.everybody))
        await asyncio.sleep(A_DAY)
        for peer in self.everybody:
            await peer.run(self.recipes, consents=True)
            await peer.run(others)
        self._check("with consent")
        for peer in self.everybody:
            missing = [asset for asset in others if not peer.store.recall(a_request(asset).key)]
            if missing:
                self.problems.append(f"lost: {peer.name} has no {missing}")
            if peer.claims.files:
                self.problems.append(f"{peer.name} has claims left: {sorted(peer.claims.files)}")

    def _check(self, when: str) -> None:
        unasked = Counter(key for key, _, retry_of in self.service.bills if not retry_of)
        twice = {key: count for key, count in unasked.items() if count > 1}
        if twice:
            self.problems.append(f"{when}: billed twice without consent: {twice}")
        unclaimed = {attempt for _, attempt, _ in self.service.bills} - claimed_attempts(self.bucket)
        if unclaimed:
            self.problems.append(f"{when}: billed without a claim: {sorted(unclaimed)}")
        ends = [
            *false_ends(self.bucket),
            *(one for peer in self.everybody for each in peer.connections for one in each.false_ends),
        ]
        if ends:
            self.problems.append(f"{when}: ends of what is not there: {ends}")
        forged = [peer.name for peer in self.everybody if content_hash(FORGED) in peer.store.objects]
        if forged:
            self.problems.append(f"{when}: believed a forged receipt: {forged}")

    def _check_held(self, ended: dict[str, Outcome]) -> None:
        for asset, outcome in ended.items():
            held = isinstance(outcome, NotSent) and outcome.stop is Stop.CLAIMED
            if not (isinstance(outcome, Done) or held):
                self.problems.append(f"{asset}: {outcome}")

    def _forge(self, asset: str) -> None:
        """Somebody who may write, and is not trusted, says that an image is ours."""
        request = a_request(asset)
        content = content_hash(FORGED)
        claim = Claim(1, "forged", request.asset, request.key, "gravitex", "", "2026-11-22T16:00:00Z")
        image = StoredImage(content, FACTS, Made("gravitex", "2026-11-22T16:00:00Z", "m", "r", "", {}), "forged")
        objects = self.bucket.objects
        self.bucket.put_new(object_name(content), FORGED)
        self.bucket.put_new(receipt_name(request.key, content), PlainReceipts("theirs").sign(request.key, image))
        self.bucket.put_new(claim_name(request.key, 1), encode_claim(claim))
        self.bucket.put_new(claim_end_name(request.key, 1), encode_claim_end(ClaimEnd("forged", "Done", "", content)))
        assert len(objects) == 4


def sweep(seeds: Sequence[int], layers: Layers, receipts: type[PlainReceipts]) -> tuple[int, list[str]]:
    """The number of bills, and what went wrong."""
    problems: list[str] = []
    bills = 0
    for seed in seeds:
        with tempfile.TemporaryDirectory() as folder:
            schedule = Schedule(Path(folder), seed, layers, receipts)
            problems += [f"schedule {seed}: {problem}" for problem in schedule.play()]
            bills += len(schedule.service.bills)
    return bills, problems


def main() -> int:
    """Run schedules, or the planted faults; 1 if a schedule has a problem, or if a fault has none."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--schedules", type=int, default=200)
    parser.add_argument("--mutants", action="store_true")
    given = parser.parse_args()
    out = sys.stdout.write
    if given.mutants:
        from tests.team.mutants import MUTANTS

        alive = []
        for name, (layers, receipts) in MUTANTS.items():
            found = next((seed for seed in range(given.schedules) if sweep([seed], layers, receipts)[1]), None)
            out(f"{name}: {'ALIVE' if found is None else f'found by schedule {found}'}\n")
            alive += [name] if found is None else []
        return 1 if alive else 0
    bills, problems = sweep(range(given.schedules), Layers(), PlainReceipts)
    out("".join(f"{problem}\n" for problem in problems[:20]))
    out(f"{given.schedules} schedules of {PEERS} checkouts: {bills} billed, {len(problems)} problems\n")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
